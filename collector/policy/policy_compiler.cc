#include "collector/policy/policy_compiler.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "collector/policy/address_compiler.h"
#include "collector/policy/address_conflict.h"
#include "collector/policy/grammar_text.h"
#include "fmt/format.h"
#include "proxymeter/policy.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

template <typename Entry>
PolicySlice SliceFrom(const std::vector<Entry>& entries, std::size_t first) {
  return {static_cast<std::uint32_t>(first),
          static_cast<std::uint32_t>(entries.size() - first)};
}

template <typename Key>
Key KeyOf(const Address& address);
template <>
std::uint32_t KeyOf<std::uint32_t>(const Address& address) {
  std::uint32_t key = 0;
  for (int i = 12; i < 16; ++i) key = key << 8 | address[i];
  return key;
}
template <>
absl::uint128 KeyOf<absl::uint128>(const Address& address) {
  absl::uint128 key = 0;
  for (const std::uint8_t byte : address) key = key << 8 | byte;
  return key;
}

PolicyAddress6 FileKey(absl::uint128 key) {
  PolicyAddress6 address;
  for (int i = 15; i >= 0; --i, key >>= 8) {
    address.bytes[i] = static_cast<std::uint8_t>(key & 0xff);
  }
  return address;
}

template <typename Key>
struct KeyRange {
  Key first;
  Key last;
};

template <typename Key>
KeyRange<Key> RangeOf(const Cidr& cidr) {
  return {KeyOf<Key>(cidr.network), KeyOf<Key>(LastAddress(cidr))};
}

// Networks nest or are disjoint, so only whole ones fall out.
template <typename Key>
std::vector<KeyRange<Key>> OutermostRanges(std::vector<KeyRange<Key>> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const KeyRange<Key>& a, const KeyRange<Key>& b) {
              return std::tie(a.first, b.last) < std::tie(b.first, a.last);
            });
  std::vector<KeyRange<Key>> outermost;
  for (const KeyRange<Key>& range : ranges) {
    if (outermost.empty() || outermost.back().last < range.first) {
      outermost.push_back(range);
    }
  }
  return outermost;
}

class Compiler {
 public:
  absl::StatusOr<std::vector<std::byte>> Compile(
      const VendorConfig& config, std::size_t min_tabled_hosts4) {
    for (std::size_t v = 0; v < config.vendors.size(); ++v) {
      const Vendor& vendor = config.vendors[v];
      AddVendor(vendor);
      for (std::size_t m = 0; m < vendor.match.size(); ++m) {
        const MatchRule& rule = vendor.match[m];
        const std::string text =
            rule.catalogue.empty()
                ? fmt::format("vendors[{}].match[{}]", v, m)
                : fmt::format("catalogue {}", rule.catalogue);
        AddRule(rule,
                fmt::format("{} ({}:{})", text, config.file_name, rule.line));
      }
    }
    BuildHosts();
    const auto conflict = addresses_.Sweep(
        [this](std::span<const std::uint32_t> rules, std::uint32_t parent) {
          return InternNetwork(rules, parent);
        });
    if (conflict.has_value()) return DescribeConflict(*conflict, config);
    address_sections_ = addresses_.Tables(
        static_cast<std::uint32_t>(networks_.size()), min_tabled_hosts4);
    BuildPortRules();
    BuildUserRules();
    AddFilters(config.filters);
    if (config.vendor_header) AddSetting(PolicySettingKind::kVendorHeader, 1);
    if (config.call_sites != CallSites::kOff) {
      AddSetting(PolicySettingKind::kCallSites,
                 static_cast<std::uint32_t>(PolicyCallSites::kSampled));
    }
    return Serialize();
  }

 private:
  using HostKey = std::pair<std::string_view, PolicyHostKind>;

  PolicyText Intern(std::string_view text) {
    const PolicyText slice{static_cast<std::uint32_t>(strings_.size()),
                           static_cast<std::uint32_t>(text.size())};
    strings_.insert(strings_.end(), text.begin(), text.end());
    return slice;
  }

  void AddSetting(PolicySettingKind kind, std::uint32_t value) {
    settings_.push_back({static_cast<std::uint32_t>(kind), value});
  }

  void AddVendor(const Vendor& vendor) {
    PolicyVendor entry{};
    entry.name = Intern(vendor.name);
    entry.labels = Intern(fmt::format("{}", fmt::join(vendor.labels, ",")));
    const std::size_t first = grammars_.size();
    const auto add = [&](const std::string& text, PolicyCredential credential) {
      grammars_.push_back(
          {Intern(text), static_cast<std::uint32_t>(credential)});
    };
    for (const std::string& text : vendor.user_names) {
      add(text, PolicyCredential::kUser);
    }
    for (const std::string& text : vendor.passwords) {
      add(text, PolicyCredential::kPassword);
    }
    entry.grammars = SliceFrom(grammars_, first);
    vendors_.push_back(entry);
  }

  void AddRule(const MatchRule& rule, std::string_view text) {
    const auto index = static_cast<std::uint32_t>(rules_.size());
    const bool by_host = !rule.hosts.empty() || !rule.host_addresses.empty();
    PolicyRule entry{};
    entry.vendor = static_cast<std::uint32_t>(vendors_.size() - 1);
    entry.text = Intern(text);
    entry.user = Intern(rule.user);
    literals_.push_back(UserGrammar(rule.user).literals());
    const std::size_t first_port = ports_.size();
    for (const PortRange& ports : rule.ports) {
      ports_.push_back({ports.first, ports.last});
    }
    entry.ports = SliceFrom(ports_, first_port);
    if (by_host) AddWithin(rule, &entry);
    rules_.push_back(entry);
    AddAddressRule(rule, entry);

    for (const HostPattern& host : rule.hosts) {
      hosts_[{host.name,
              host.suffix ? PolicyHostKind::kSuffix : PolicyHostKind::kExact}]
          .push_back(index);
    }
    for (const Cidr& cidr : by_host ? rule.host_addresses : rule.cidrs) {
      addresses_.Add(cidr, index);
    }
    if (!by_host) {
      for (const auto& list : rule.address_lists) addresses_.Add(*list, index);
    }
    if (by_host || !rule.cidrs.empty() || !rule.address_lists.empty()) return;
    if (!rule.user.empty()) {
      user_rules_.push_back(index);
    } else {
      for (const PortRange& ports : rule.ports) {
        for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
          port_rules_[port] = std::min(port_rules_[port], index);
        }
      }
    }
  }

  void AddWithin(const MatchRule& rule, PolicyRule* entry) {
    entry->within4 = {static_cast<std::uint32_t>(within4_.size()), 0};
    entry->within6 = {static_cast<std::uint32_t>(within6_.size()), 0};
    std::vector<Cidr> cidrs = rule.cidrs;
    for (const auto& list : rule.address_lists) {
      for (const auto& address : list->entries4) {
        cidrs.push_back(CidrOf(address));
      }
      for (const auto& address : list->entries6) {
        cidrs.push_back(CidrOf(address));
      }
    }
    AddRanges(cidrs, &within4_, &within6_);
    entry->within4 = SliceFrom(within4_, entry->within4.first);
    entry->within6 = SliceFrom(within6_, entry->within6.first);
  }

  static void AddRanges(const std::vector<Cidr>& cidrs,
                        std::vector<PolicyRange4>* to4,
                        std::vector<PolicyRange6>* to6) {
    std::vector<KeyRange<std::uint32_t>> ranges4;
    std::vector<KeyRange<absl::uint128>> ranges6;
    for (const Cidr& cidr : cidrs) {
      if (IsIpv4(cidr.network)) {
        ranges4.push_back(RangeOf<std::uint32_t>(cidr));
      } else {
        ranges6.push_back(RangeOf<absl::uint128>(cidr));
      }
    }
    for (const auto& range : OutermostRanges(std::move(ranges4))) {
      to4->push_back({range.first, range.last});
    }
    for (const auto& range : OutermostRanges(std::move(ranges6))) {
      to6->push_back({FileKey(range.first), FileKey(range.last)});
    }
  }

  void AddFilters(const Filters& filters) {
    if (filters.inside.has_value()) {
      AddSetting(PolicySettingKind::kInside, 1);
      AddRanges(*filters.inside, &inside4_, &inside6_);
    }
    for (const PortRange& ports : filters.left_ports) {
      left_ports_.push_back({ports.first, ports.last});
    }
    if (filters.processes == Filters::Processes::kAll) return;
    AddSetting(PolicySettingKind::kProcesses,
               static_cast<std::uint32_t>(filters.processes ==
                                                  Filters::Processes::kOnly
                                              ? PolicyProcesses::kOnly
                                              : PolicyProcesses::kExcept));
    for (const std::string& name : filters.process_names) {
      processes_.push_back(Intern(name));
    }
  }

  void BuildUserRules() {
    std::uint32_t count = 0;
    for (const PolicyRule& rule : rules_) count += rule.user.length != 0;
    if (count != 0) AddSetting(PolicySettingKind::kUserRules, count);
    const auto rank = [this](std::uint32_t index) {
      return std::tuple(rules_[index].ports.count == 0, ~literals_[index],
                        index);
    };
    std::sort(
        user_rules_.begin(), user_rules_.end(),
        [&](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); });
  }

  // What decides among rules for one network, and which of them conflict.
  void AddAddressRule(const MatchRule& rule, const PolicyRule& entry) {
    const std::string condition = fmt::format("{} {}", FormatPorts(rule.ports),
                                              CanonicalGrammar(rule.user));
    const auto number = static_cast<std::uint32_t>(known_conditions_.size());
    address_rules_.push_back(
        {entry.vendor,
         known_conditions_.emplace(condition, number).first->second,
         entry.ports.count > 0, static_cast<std::uint32_t>(literals_.back())});
  }

  // Equal lists are stored once: most networks lead to the one rule that
  // lists them all.
  std::uint32_t InternList(const std::vector<std::uint32_t>& rules) {
    const auto [known, added] =
        known_lists_.emplace(rules, static_cast<std::uint32_t>(lists_.size()));
    if (added) {
      lists_.push_back(static_cast<std::uint32_t>(rules.size()));
      lists_.insert(lists_.end(), rules.begin(), rules.end());
    }
    return known->second;
  }

  std::uint32_t InternNetwork(std::span<const std::uint32_t> rules,
                              std::uint32_t parent) {
    // Nearly always one rule, and one of few: millions of times.
    std::uint32_t* known = nullptr;
    if (rules.size() == 1) {
      const std::uint64_t key = std::uint64_t{rules[0]} << 32 | parent;
      known = &known_single_.try_emplace(key, kNoPolicyNetwork).first->second;
      if (*known != kNoPolicyNetwork) return *known;
    }
    const std::uint32_t list = InternList({rules.begin(), rules.end()});
    const std::uint32_t network = Chain(list, Without(list, parent));
    if (known != nullptr) *known = network;
    return network;
  }

  std::uint32_t Chain(std::uint32_t list, std::uint32_t parent) {
    const auto [network, added] = known_networks_.emplace(
        std::pair(list, parent), static_cast<std::uint32_t>(networks_.size()));
    if (added) networks_.push_back({list, parent});
    return network->second;
  }

  // A chain without the candidates that are asked before it anyway: networks
  // nest in all ways, but there are few orders of few rules, and few targets
  // are narrow ones.
  std::uint32_t Without(std::uint32_t list, std::uint32_t network) {
    if (network == kNoPolicyNetwork) return network;
    const PolicyNetwork entry = networks_[network];
    if (entry.list == list) return entry.parent;
    const std::uint32_t parent = Without(list, entry.parent);
    return parent == entry.parent ? network : Chain(entry.list, parent);
  }

  void BuildHosts() {
    std::size_t slots = 1;
    // At most half full: probes stay short, and an empty slot ends each.
    while (slots < 2 * hosts_.size()) slots *= 2;
    host_slots_.resize(hosts_.empty() ? 0 : slots);
    for (auto& [key, rules] : hosts_) {
      const auto rank = [this](std::uint32_t index) {
        const PolicyRule& rule = rules_[index];
        return std::tuple(rule.ports.count == 0,
                          rule.within4.count + rule.within6.count == 0,
                          ~literals_[index], index);
      };
      std::sort(
          rules.begin(), rules.end(),
          [&](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); });
      rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
      PolicyHostHash hash;
      for (auto c = key.first.rbegin(); c != key.first.rend(); ++c) {
        hash.Add(*c);
      }
      const std::uint32_t value = hash.Of(key.second);
      std::size_t slot = value & (slots - 1);
      while (host_slots_[slot].kind != PolicyHostKind::kNone) {
        slot = (slot + 1) & (slots - 1);
      }
      host_slots_[slot] = {value, Intern(key.first), InternList(rules),
                           key.second, 0};
    }
  }

  // With the port as the only condition, the earliest rule wins at each port.
  void BuildPortRules() {
    for (std::uint32_t port = 1; port <= kLastPort; ++port) {
      if (port_rules_[port] == kNoRule) continue;
      if (!port_ranges_.empty() && port_ranges_.back().last + 1u == port &&
          port_ranges_.back().rule == port_rules_[port]) {
        port_ranges_.back().last = static_cast<std::uint16_t>(port);
      } else {
        port_ranges_.push_back({static_cast<std::uint16_t>(port),
                                static_cast<std::uint16_t>(port),
                                port_rules_[port]});
      }
    }
  }

  template <typename Entry>
  void AddSection(PolicySectionKind kind, const std::vector<Entry>& entries) {
    static_assert(std::has_unique_object_representations_v<Entry>,
                  "padding would put chance bytes into the file");
    AddSection(kind, sizeof(Entry), std::as_bytes(std::span(entries)));
  }

  void AddSection(PolicySectionKind kind, std::uint32_t stride,
                  std::span<const std::byte> bytes) {
    sections_.push_back(
        {static_cast<std::uint32_t>(kind), stride, 0, bytes.size() / stride});
    contents_.push_back(bytes);
  }

  std::vector<std::byte> Serialize() {
    AddSection(PolicySectionKind::kStrings, strings_);
    AddSection(PolicySectionKind::kVendors, vendors_);
    AddSection(PolicySectionKind::kRules, rules_);
    AddSection(PolicySectionKind::kPorts, ports_);
    AddSection(PolicySectionKind::kWithin4, within4_);
    AddSection(PolicySectionKind::kWithin6, within6_);
    AddSection(PolicySectionKind::kLists, lists_);
    AddSection(PolicySectionKind::kHosts, host_slots_);
    AddSection(PolicySectionKind::kNetworks, networks_);
    AddSection(PolicySectionKind::kPortRules, port_ranges_);
    AddSection(PolicySectionKind::kSettings, settings_);
    AddSection(PolicySectionKind::kGrammars, grammars_);
    AddSection(PolicySectionKind::kUserRules, user_rules_);
    AddSection(PolicySectionKind::kInside4, inside4_);
    AddSection(PolicySectionKind::kInside6, inside6_);
    AddSection(PolicySectionKind::kLeftPorts, left_ports_);
    AddSection(PolicySectionKind::kProcesses, processes_);
    for (const AddressSection& section : address_sections_) {
      AddSection(section.kind, section.stride, section.bytes);
    }

    std::size_t size =
        sizeof(PolicyHeader) + sections_.size() * sizeof(PolicySection);
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      sections_[i].offset = size;
      size += (contents_[i].size() + kPolicyAlignment - 1) / kPolicyAlignment *
              kPolicyAlignment;
    }
    std::vector<std::byte> file(size);
    PolicyHeader header{kPolicyMagic, kPolicyVersion,
                        static_cast<std::uint32_t>(sections_.size()), size, 0};
    std::memcpy(file.data(), &header, sizeof(header));
    std::memcpy(file.data() + sizeof(header), sections_.data(),
                sections_.size() * sizeof(PolicySection));
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      std::ranges::copy(
          contents_[i],
          file.begin() + static_cast<std::ptrdiff_t>(sections_[i].offset));
    }
    header.checksum = PolicyChecksum(file);
    std::memcpy(file.data(), &header, sizeof(header));
    return file;
  }

  static constexpr std::uint32_t kLastPort = 65535;
  static constexpr std::uint32_t kNoRule = 0xffffffff;

  std::map<HostKey, std::vector<std::uint32_t>> hosts_;
  std::vector<AddressRule> address_rules_;
  AddressCompiler addresses_{address_rules_};
  std::map<std::string, std::uint32_t> known_conditions_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> known_single_;
  std::vector<std::uint32_t> port_rules_ =
      std::vector<std::uint32_t>(kLastPort + 1, kNoRule);
  std::map<std::vector<std::uint32_t>, std::uint32_t> known_lists_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t>
      known_networks_;

  std::vector<char> strings_;
  std::vector<PolicyVendor> vendors_;
  std::vector<PolicyRule> rules_;
  std::vector<PolicyPorts> ports_;
  std::vector<PolicyRange4> within4_;
  std::vector<PolicyRange6> within6_;
  std::vector<std::uint32_t> lists_;
  std::vector<PolicyHost> host_slots_;
  std::vector<PolicyNetwork> networks_;
  std::vector<AddressSection> address_sections_;
  std::vector<PolicyPortRule> port_ranges_;
  std::vector<PolicySetting> settings_;
  std::vector<PolicyGrammar> grammars_;
  std::vector<std::uint32_t> user_rules_;
  std::vector<std::size_t> literals_;  // of each rule's user condition
  std::vector<PolicyRange4> inside4_;
  std::vector<PolicyRange6> inside6_;
  std::vector<PolicyPorts> left_ports_;
  std::vector<PolicyText> processes_;
  std::vector<PolicySection> sections_;
  std::vector<std::span<const std::byte>> contents_;  // of the sections
};

}  // namespace

absl::StatusOr<std::vector<std::byte>> CompilePolicy(
    const VendorConfig& config, std::size_t min_tabled_hosts4) {
  return Compiler().Compile(config, min_tabled_hosts4);
}

}  // namespace proxymeter::collector
