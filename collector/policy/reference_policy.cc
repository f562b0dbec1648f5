#include "collector/policy/reference_policy.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "collector/policy/grammar_text.h"
#include "collector/policy/rank.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

std::string Normal(std::string_view host) {
  std::string name(host);
  if (!name.empty() && name.back() == '.') name.pop_back();
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  return name;
}

bool Matches(const HostPattern& pattern, const std::string& host) {
  if (!pattern.suffix) return host == pattern.name;
  const std::string end = "." + pattern.name;
  return host.size() > end.size() && host.ends_with(end);
}

bool Matches(const Cidr& cidr, const Address& address) {
  if (IsIpv4(cidr.network) != IsIpv4(address)) return false;
  for (int bit = 0; bit < cidr.prefix; ++bit) {
    const int mask = 0x80 >> bit % 8;
    if ((cidr.network[bit / 8] & mask) != (address[bit / 8] & mask)) {
      return false;
    }
  }
  return true;
}

std::vector<Cidr> CidrsOf(const MatchRule& rule) {
  std::vector<Cidr> cidrs = rule.cidrs;
  for (const auto& list : rule.address_lists) {
    for (const auto& entry : list->entries4) cidrs.push_back(CidrOf(entry));
    for (const auto& entry : list->entries6) cidrs.push_back(CidrOf(entry));
  }
  return cidrs;
}

// The networks that lead to the rule by themselves.
std::vector<Cidr> NetworksOf(const MatchRule& rule) {
  const bool by_host = !rule.hosts.empty() || !rule.host_addresses.empty();
  return by_host ? rule.host_addresses : CidrsOf(rule);
}

}  // namespace

std::optional<ReferenceMatch> ReferenceFind(
    const VendorConfig& config, const Endpoint& endpoint,
    const std::vector<std::string_view>& hosts, std::string_view user) {
  std::optional<ReferenceMatch> best;
  Rank best_rank;
  std::uint32_t position = 0;
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      const std::uint32_t index = position++;
      const bool port_holds =
          rule.ports.empty() ||
          std::any_of(rule.ports.begin(), rule.ports.end(),
                      [&](const PortRange& range) {
                        return endpoint.port >= range.first &&
                               endpoint.port <= range.last;
                      });
      if (!port_holds) continue;
      const UserGrammar grammar(rule.user);
      const bool by_user = !rule.user.empty();
      if (by_user && (user.empty() || !grammar.Match(user, nullptr))) continue;
      const bool by_host = !rule.hosts.empty() || !rule.host_addresses.empty();
      const std::vector<Cidr> cidrs = CidrsOf(rule);
      const bool by_cidr = !cidrs.empty();
      int longest_cidr = -1;
      for (const Cidr& cidr : cidrs) {
        if (Matches(cidr, endpoint.address)) {
          longest_cidr = std::max(longest_cidr, int{cidr.prefix});
        }
      }
      if (by_cidr && longest_cidr < 0) continue;

      std::optional<Rank> rank;
      const auto offer = [&](RankKind kind, int length) {
        const Rank offered = {
            .user = by_user,
            .kind = kind,
            .length = length,
            .port = !rule.ports.empty(),
            .host_and_network = by_host && by_cidr && kind >= RankKind::kSuffix,
            .literals =
                by_user ? static_cast<std::uint32_t>(grammar.literals()) : 0,
            .position = index};
        if (!rank.has_value() || *rank < offered) rank = offered;
      };
      for (const std::string_view host : hosts) {
        for (const HostPattern& pattern : rule.hosts) {
          if (!Matches(pattern, Normal(host))) continue;
          pattern.suffix
              ? offer(RankKind::kSuffix, static_cast<int>(pattern.name.size()))
              : offer(RankKind::kExact, 0);
        }
      }
      for (const Cidr& address : rule.host_addresses) {
        if (Matches(address, endpoint.address)) offer(RankKind::kNetwork, 128);
      }
      if (!by_host) {
        by_cidr ? offer(RankKind::kNetwork, longest_cidr)
                : offer(RankKind::kPortOrUser, 0);
      }

      if (rank.has_value() && (!best.has_value() || best_rank < *rank)) {
        best = {vendor.name, index};
        best_rank = *rank;
      }
    }
  }
  return best;
}

std::vector<ReferenceConflict> ReferenceConflicts(const VendorConfig& config) {
  struct Entry {
    std::uint32_t index;
    const Vendor* vendor;
    const MatchRule* rule;
  };
  std::vector<Entry> rules;
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      rules.push_back(
          {static_cast<std::uint32_t>(rules.size()), &vendor, &rule});
    }
  }
  std::vector<ReferenceConflict> conflicts;
  for (const Entry& later : rules) {
    for (const Entry& earlier : rules) {
      if (earlier.index >= later.index || earlier.vendor == later.vendor ||
          earlier.rule->ports != later.rule->ports ||
          CanonicalGrammar(earlier.rule->user) !=
              CanonicalGrammar(later.rule->user)) {
        continue;
      }
      for (const Cidr& a : NetworksOf(*earlier.rule)) {
        for (const Cidr& b : NetworksOf(*later.rule)) {
          if (a == b) conflicts.push_back({a, earlier.index, later.index});
        }
      }
    }
  }
  return conflicts;
}

bool ReferenceNamesHost(const VendorConfig& config, std::string_view host) {
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      for (const HostPattern& pattern : rule.hosts) {
        if (Matches(pattern, Normal(host))) return true;
      }
    }
  }
  return false;
}

}  // namespace proxymeter::collector
