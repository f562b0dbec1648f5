#include "collector/policy/judgement.h"

#include <algorithm>
#include <string>

#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

constexpr int kAddressBits = 128;

ConditionState Holding(bool present, bool holds) {
  if (!present) return ConditionState::kAbsent;
  return holds ? ConditionState::kHolds : ConditionState::kFails;
}

std::string Normal(std::string_view host) {
  std::string name(host);
  if (name.ends_with('.')) name.pop_back();
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

bool Matches(const HostPattern& pattern, std::string_view host) {
  if (!pattern.suffix) return host == pattern.name;
  if (host.size() <= pattern.name.size() + 1) return false;
  return host.ends_with(pattern.name) &&
         host[host.size() - pattern.name.size() - 1] == '.';
}

bool Contains(const Cidr& cidr, const Address& address) {
  return Contains(cidr, Cidr{address, kAddressBits});
}

// An exact name before any suffix, then the longer one.
bool Better(const HostPattern& a, const HostPattern* b) {
  if (b == nullptr || a.suffix != b->suffix) return b == nullptr || !a.suffix;
  return a.suffix && a.name.size() > b->name.size();
}

}  // namespace

Judgement Judge(const MatchRule& rule, std::uint32_t position,
                const Shown& shown) {
  Judgement judgement;
  for (const std::string_view shown_host : shown.hosts) {
    const std::string host = Normal(shown_host);
    for (const HostPattern& pattern : rule.hosts) {
      if (Matches(pattern, host) && Better(pattern, judgement.name)) {
        judgement.name = &pattern;
      }
    }
  }
  for (const Cidr& address : rule.host_addresses) {
    if (Contains(address, shown.endpoint.address)) judgement.address = &address;
  }
  const auto offer = [&](const Cidr& network) {
    if (Contains(network, shown.endpoint.address) &&
        (!judgement.network || network.prefix > judgement.network->prefix)) {
      judgement.network = network;
    }
  };
  for (const Cidr& network : rule.cidrs) offer(network);
  for (const auto& list : rule.address_lists) {
    for (const auto& entry : list->entries4) offer(CidrOf(entry));
    for (const auto& entry : list->entries6) offer(CidrOf(entry));
  }
  const bool by_host = !rule.hosts.empty() || !rule.host_addresses.empty();
  const bool by_network = !rule.cidrs.empty() || !rule.address_lists.empty();
  const UserGrammar grammar(rule.user);
  judgement.host = Holding(
      by_host, judgement.name != nullptr || judgement.address != nullptr);
  judgement.cidr = Holding(by_network, judgement.network.has_value());
  judgement.port =
      Holding(!rule.ports.empty(),
              std::ranges::any_of(rule.ports, [&shown](const PortRange& range) {
                return shown.endpoint.port >= range.first &&
                       shown.endpoint.port <= range.last;
              }));
  judgement.user =
      Holding(!rule.user.empty(),
              !shown.user.empty() && grammar.Match(shown.user, nullptr));
  for (const ConditionState condition :
       {judgement.host, judgement.cidr, judgement.port, judgement.user}) {
    if (condition == ConditionState::kFails) return judgement;
  }

  Rank rank;
  rank.user = !rule.user.empty();
  rank.port = !rule.ports.empty();
  rank.literals =
      rank.user ? static_cast<std::uint32_t>(grammar.literals()) : 0;
  rank.position = position;
  if (judgement.name != nullptr) {
    const bool suffix = judgement.name->suffix;
    rank.kind = suffix ? RankKind::kSuffix : RankKind::kExact;
    rank.length = suffix ? static_cast<int>(judgement.name->name.size()) : 0;
    rank.host_and_network = by_network;
  } else if (judgement.address != nullptr) {
    rank.kind = RankKind::kNetwork;
    rank.length = kAddressBits;
  } else if (judgement.network) {
    rank.kind = RankKind::kNetwork;
    rank.length = judgement.network->prefix;
  }
  judgement.rank = rank;
  return judgement;
}

}  // namespace proxymeter::collector
