// Looks vendors up in a policy file (policy.h). Runs inside crawlers: no
// exceptions, no allocation, nothing of libc but memcpy and memcmp.
//
// Which rule wins
//   A rule matches when all its conditions hold: host, cidr, port, user; of
//   several values in one condition any is enough. Rules with a user condition
//   go before all others. Within each of the two groups the most specific
//   wins:
//     1. an exact host name
//     2. a host suffix; the longer suffix, counted in characters, first
//     3. a network; the longer prefix first. An address literal given as a
//        host is a network of one address.
//     4. a port alone
//     5. a user name alone
//   A rule with both host and cidr counts as a host rule. Among equals a rule
//   with a port condition goes before one without, then one with both host and
//   cidr before one with host alone, then of two user conditions the one with
//   more literal characters, then the rule that stands earlier in the
//   configuration.
//
// Names compare without regard to case and to one trailing dot. "*.example.com"
// holds for names at any depth below example.com, not for example.com itself.
// IPv4 addresses match IPv4 networks only: ::/0 does not hold for them.
#ifndef PROXYMETER_POLICY_VIEW_H_
#define PROXYMETER_POLICY_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/limits.h"
#include "proxymeter/policy.h"
#include "proxymeter/policy_addresses.h"
#include "proxymeter/policy_table.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter {

enum class PolicyError : std::uint8_t {
  kOk,
  kTooShort,     ///< shorter than its header says, or than a header
  kBadMagic,     ///< not a policy, or of a machine of other byte order
  kBadVersion,   ///< written by another version of the collector
  kBadChecksum,  ///< damaged
  kBadLayout,    ///< sections out of bounds, of unexpected shape, or twice
};

constexpr std::string_view Describe(PolicyError error) noexcept {
  switch (error) {
    case PolicyError::kOk:
      return "ok";
    case PolicyError::kTooShort:
      return "too short";
    case PolicyError::kBadMagic:
      return "not a policy file";
    case PolicyError::kBadVersion:
      return "unsupported version";
    case PolicyError::kBadChecksum:
      return "checksum mismatch";
    case PolicyError::kBadLayout:
      return "inconsistent layout";
  }
  return "unknown error";
}

/// How much of a policy file to look at before trusting it.
enum class PolicyCheck : std::uint8_t {
  kFull,    ///< every byte, through the checksum
  kLayout,  ///< header and sections: the time does not grow with the file
};

/// A policy file, validated. Copies are cheap and refer to the same file.
class PolicyView {
 public:
  constexpr PolicyView() = default;  // matches nothing

  /// Validates everything that lookups rely on; `file` must outlive the view
  /// and stay unchanged, 8-byte aligned. On an error `*view` is untouched.
  /// Lookups check their bounds all the same, so that a file opened with
  /// kLayout can be wrong but not harmful.
  static PolicyError Open(std::span<const std::byte> file, PolicyView* view,
                          PolicyCheck check = PolicyCheck::kFull) noexcept {
    PolicyHeader header;
    if (file.size() < sizeof(header)) return PolicyError::kTooShort;
    std::memcpy(&header, file.data(), sizeof(header));
    if (header.magic != kPolicyMagic) return PolicyError::kBadMagic;
    if (header.version != kPolicyVersion) return PolicyError::kBadVersion;
    if (file.size() < header.file_bytes) return PolicyError::kTooShort;
    if (file.size() != header.file_bytes || file.size() % 8 != 0 ||
        reinterpret_cast<std::uintptr_t>(file.data()) % kPolicyAlignment != 0) {
      return PolicyError::kBadLayout;
    }
    if (check == PolicyCheck::kFull &&
        PolicyChecksum(file) != header.checksum) {
      return PolicyError::kBadChecksum;
    }
    if (header.section_count > kMaxPolicySections ||
        header.section_count * sizeof(PolicySection) >
            file.size() - sizeof(header)) {
      return PolicyError::kBadLayout;
    }
    PolicyView opened;
    std::uint64_t seen = 0;
    for (std::uint32_t i = 0; i < header.section_count; ++i) {
      PolicySection section;
      std::memcpy(&section,
                  file.data() + sizeof(header) + i * sizeof(PolicySection),
                  sizeof(section));
      if (section.kind > kLastPolicySectionKind) continue;
      if (seen >> section.kind & 1) return PolicyError::kBadLayout;
      seen |= std::uint64_t{1} << section.kind;
      if (!opened.Attach(file, section)) return PolicyError::kBadLayout;
    }
    if (!opened.addresses6_.Connect()) return PolicyError::kBadLayout;
    *view = opened;
    return PolicyError::kOk;
  }

  /// The value of a setting; 0, the default of each, when it is not there.
  std::uint32_t Setting(PolicySettingKind kind) const noexcept {
    PolicySetting setting;
    for (std::uint64_t i = 0; settings_.Get(i, &setting); ++i) {
      if (setting.kind == static_cast<std::uint32_t>(kind)) {
        return setting.value;
      }
    }
    return 0;
  }

  /// True when some rule mentions this host (exact or suffix): the shim
  /// remembers resolver answers only for those.
  bool NamesHost(std::string_view host) const noexcept {
    return WalkHost(host, [](PolicyHostKind, std::size_t,
                             std::uint32_t) noexcept { return true; });
  }

  struct Match {
    std::string_view vendor;  ///< inside the file; empty when !found
    std::uint32_t rule;       ///< for RuleText
    bool found;
    std::uint32_t vendor_index;  ///< for Labels
  };

  /// What is known of a connection.
  struct Evidence {
    Endpoint endpoint;
    /// Names known for its address, or shown by itself; may be empty.
    std::span<const std::string_view> hosts;
    std::string_view user;  ///< proxy user name; empty when there is none
  };

  /// The winning rule. Time: a line of memory or two for one of many single
  /// addresses, O(log n) in networks, O(labels) per name, linear in rules that
  /// differ by port or user name alone.
  Match Find(const Evidence& evidence) const noexcept {
    std::uint32_t rule = 0;
    const bool found = (!evidence.user.empty() &&
                        FindAmong(Users::kMatching, evidence, &rule)) ||
                       FindAmong(Users::kWithout, evidence, &rule);
    return found ? MatchOf(rule) : Match{};
  }

  /// As above, with no user name known.
  Match Find(const Endpoint& endpoint,
             std::span<const std::string_view> hosts) const noexcept {
    return Find({endpoint, hosts, {}});
  }

  /// Whether a user name, should the connection show one, could decide.
  bool MayDependOnUser(const Endpoint& endpoint,
                       std::span<const std::string_view> hosts) const noexcept {
    std::uint32_t rule;
    return Setting(PolicySettingKind::kUserRules) != 0 &&
           FindAmong(Users::kAny, {endpoint, hosts, {}}, &rule);
  }

  /// As Find, by what a connection shows of itself alone: by rules with a user
  /// condition, and, if `by_host`, by other rules with a host.
  Match FindShown(const Evidence& evidence, bool by_host) const noexcept {
    std::uint32_t rule = 0;
    const bool found =
        (!evidence.user.empty() &&
         FindAmong(Users::kMatching, evidence, &rule)) ||
        (by_host && FindByHost(Users::kWithout, evidence, &rule));
    return found ? MatchOf(rule) : Match{};
  }

  /// Whether user names and passwords tell something of the vendor's products.
  bool HasGrammars(std::uint32_t vendor) const noexcept {
    PolicyVendor entry;
    return vendors_.Get(vendor, &entry) && entry.grammars.count != 0;
  }

  /// Whether rules by host exist: a name that the connection shows may decide.
  bool MayDependOnHost() const noexcept { return hosts_.size() != 0; }

  /// The vendor of that name, as Match has it; not found without one.
  Match FindVendor(std::string_view name) const noexcept {
    PolicyVendor vendor;
    for (std::uint32_t i = 0; !name.empty() && vendors_.Get(i, &vendor); ++i) {
      if (strings_.Text(vendor.name) == name && VendorName(i) == name) {
        return {VendorName(i), 0, true, i};
      }
    }
    return {};
  }

  /// Names of a vendor's labels, in order, separated by commas; inside the
  /// file. Empty for none.
  std::string_view LabelNames(std::uint32_t vendor) const noexcept {
    PolicyVendor entry;
    return vendors_.Get(vendor, &entry) ? strings_.Text(entry.labels)
                                        : std::string_view{};
  }

  /// What user name and password say by the vendor's grammars. The values point
  /// into them. False when there are grammars for a credential that is given,
  /// of which none matches it.
  bool Read(std::uint32_t vendor, std::string_view user,
            std::string_view password, GrammarValues* values) const noexcept {
    PolicyVendor entry;
    if (!vendors_.Get(vendor, &entry)) return true;
    bool unread_user = false;
    bool unread_password = false;
    bool read_user = user.empty();
    bool read_password = password.empty();
    for (std::uint32_t i = 0; i < entry.grammars.count; ++i) {
      PolicyGrammar grammar;
      if (!grammars_.Get(std::uint64_t{entry.grammars.first} + i, &grammar)) {
        break;
      }
      const bool of_user = grammar.credential ==
                           static_cast<std::uint32_t>(PolicyCredential::kUser);
      bool& read = of_user ? read_user : read_password;
      if (read) continue;
      GrammarValues found = *values;
      read = UserGrammar(strings_.Text(grammar.text))
                 .Match(of_user ? user : password, &found);
      if (read) *values = found;
      (of_user ? unread_user : unread_password) = !read;
    }
    return !unread_user && !unread_password;
  }

  /// Whether the configuration counts the address as inside the cluster.
  bool Inside(const Address& address) const noexcept {
    if (Setting(PolicySettingKind::kInside) == 0) {
      return !LeavesCluster(address);
    }
    if (IsIpv4(address)) {
      PolicyRange4 range;
      return inside4_.FindRange(0, inside4_.size(), Ipv4Key(address), &range);
    }
    PolicyRange6 range;
    return inside6_.FindRange(0, inside6_.size(), PolicyAddress6{address},
                              &range);
  }

  /// Whether connections to the port that no rule matches are left unmetered.
  bool LeavesPort(std::uint16_t port) const noexcept {
    PolicyPorts range;
    return left_ports_.FindRange(0, left_ports_.size(), port, &range);
  }

  /// Whether processes of that name (comm) are metered.
  bool MetersProcess(std::string_view name) const noexcept {
    const auto which =
        static_cast<PolicyProcesses>(Setting(PolicySettingKind::kProcesses));
    if (which == PolicyProcesses::kAll) return true;
    PolicyText text;
    for (std::uint64_t i = 0; processes_.Get(i, &text); ++i) {
      if (strings_.Text(text) == name) return which == PolicyProcesses::kOnly;
    }
    return which != PolicyProcesses::kOnly;
  }

  /// Where a rule stands in the configuration, for people: "vendors[0].match[1]
  /// (vendors.yaml:7)". Empty for an unknown rule.
  std::string_view RuleText(std::uint32_t rule) const noexcept {
    PolicyRule entry;
    return rules_.Get(rule, &entry) ? strings_.Text(entry.text)
                                    : std::string_view{};
  }

 private:
  static bool LiesIn(std::span<const std::byte> file,
                     const PolicySection& section) noexcept {
    return section.stride != 0 && section.offset <= file.size() &&
           section.offset % kPolicyAlignment == 0 &&
           section.count <= (file.size() - section.offset) / section.stride;
  }

  template <typename Entry>
  static bool AttachTo(PolicyTable<Entry>* table,
                       std::span<const std::byte> file,
                       const PolicySection& section) noexcept {
    if (section.stride != sizeof(Entry) || !LiesIn(file, section)) return false;
    *table = PolicyTable<Entry>(file.data() + section.offset, section.count);
    return true;
  }

  bool Attach(std::span<const std::byte> file,
              const PolicySection& section) noexcept {
    switch (static_cast<PolicySectionKind>(section.kind)) {
      case PolicySectionKind::kStrings:
        return AttachTo(&strings_, file, section);
      case PolicySectionKind::kVendors:
        return AttachTo(&vendors_, file, section);
      case PolicySectionKind::kRules:
        return AttachTo(&rules_, file, section);
      case PolicySectionKind::kPorts:
        return AttachTo(&ports_, file, section);
      case PolicySectionKind::kWithin4:
        return AttachTo(&within4_, file, section);
      case PolicySectionKind::kWithin6:
        return AttachTo(&within6_, file, section);
      case PolicySectionKind::kLists:
        return AttachTo(&lists_, file, section);
      case PolicySectionKind::kHosts:
        return (section.count & (section.count - 1)) == 0 &&
               AttachTo(&hosts_, file, section);
      case PolicySectionKind::kNetworks:
        return AttachTo(&networks_, file, section);
      case PolicySectionKind::kPortRules:
        return AttachTo(&port_rules_, file, section);
      case PolicySectionKind::kSettings:
        return AttachTo(&settings_, file, section);
      case PolicySectionKind::kGrammars:
        return AttachTo(&grammars_, file, section);
      case PolicySectionKind::kUserRules:
        return AttachTo(&user_rules_, file, section);
      case PolicySectionKind::kInside4:
        return AttachTo(&inside4_, file, section);
      case PolicySectionKind::kInside6:
        return AttachTo(&inside6_, file, section);
      case PolicySectionKind::kLeftPorts:
        return AttachTo(&left_ports_, file, section);
      case PolicySectionKind::kProcesses:
        return AttachTo(&processes_, file, section);
      default:
        return AttachAddresses(file, section);
    }
  }

  bool AttachAddresses(std::span<const std::byte> file,
                       const PolicySection& section) noexcept {
    PolicyTable<PolicyBranch> branches;
    PolicyTable<std::uint64_t> keys;
    PolicyTable<PolicyLow6> lows;
    switch (static_cast<PolicySectionKind>(section.kind)) {
      case PolicySectionKind::kHosts4:
        return LiesIn(file, section) &&
               addresses4_.SetHosts(file.data() + section.offset, section.count,
                                    section.stride);
      case PolicySectionKind::kTop4:
        if (!AttachTo(&branches, file, section)) return false;
        addresses4_.SetTop(branches);
        return true;
      case PolicySectionKind::kPages4:
        if (!AttachTo(&branches, file, section)) return false;
        addresses4_.SetPages(branches);
        return true;
      case PolicySectionKind::kPoints4:
        return LiesIn(file, section) &&
               addresses4_.SetPoints(file.data() + section.offset,
                                     section.count, section.stride);
      case PolicySectionKind::kHosts6:
        return LiesIn(file, section) &&
               addresses6_.SetHosts(file.data() + section.offset, section.count,
                                    section.stride);
      case PolicySectionKind::kKeys6:
        if (!AttachTo(&keys, file, section)) return false;
        addresses6_.SetKeys(keys);
        return true;
      case PolicySectionKind::kBranches6:
        if (!AttachTo(&branches, file, section)) return false;
        addresses6_.SetBranches(branches);
        return true;
      case PolicySectionKind::kLows6:
        if (!AttachTo(&lows, file, section)) return false;
        addresses6_.SetLows(lows);
        return true;
      default:
        return true;  // a kind that came later
    }
  }

  static std::uint32_t Ipv4Key(const Address& address) noexcept {
    return std::uint32_t{address[12]} << 24 | std::uint32_t{address[13]} << 16 |
           std::uint32_t{address[14]} << 8 | std::uint32_t{address[15]};
  }

  static bool SameName(std::string_view lower, const char* name) noexcept {
    for (std::size_t i = 0; i < lower.size(); ++i) {
      if (lower[i] != PolicyLowerCase(name[i])) return false;
    }
    return true;
  }

  bool LookUpHost(PolicyHostKind kind, const char* name, std::size_t length,
                  std::uint32_t hash, std::uint32_t* list) const noexcept {
    const std::uint64_t slots = hosts_.size();
    for (std::uint64_t probe = 0; probe < slots; ++probe) {
      PolicyHost slot;
      if (!hosts_.Get((hash + probe) & (slots - 1), &slot)) return false;
      if (slot.kind == PolicyHostKind::kNone) return false;
      if (slot.hash != hash || slot.kind != kind ||
          slot.name.length != length) {
        continue;
      }
      const std::string_view text = strings_.Text(slot.name);
      if (text.size() == length && SameName(text, name)) {
        *list = slot.list;
        return true;
      }
    }
    return false;
  }

  /// Calls visit(kind, length of the configured name, its candidate list) for
  /// each entry that `host` falls under, shortest suffix first, the exact name
  /// last, until it returns true.
  template <typename Visit>
  bool WalkHost(std::string_view host, Visit visit) const noexcept {
    const char* const name = host.data();
    std::size_t length = host.size();
    if (length > 0 && name[length - 1] == '.') --length;
    if (length == 0 || length > kMaxHostLength || hosts_.size() == 0) {
      return false;
    }
    PolicyHostHash hash;
    std::uint32_t list;
    for (std::size_t at = length; at-- > 0;) {
      if (name[at] == '.' && at > 0 &&
          LookUpHost(PolicyHostKind::kSuffix, name + at + 1, length - at - 1,
                     hash.Of(PolicyHostKind::kSuffix), &list) &&
          visit(PolicyHostKind::kSuffix, length - at - 1, list)) {
        return true;
      }
      hash.Add(name[at]);
    }
    return LookUpHost(PolicyHostKind::kExact, name, length,
                      hash.Of(PolicyHostKind::kExact), &list) &&
           visit(PolicyHostKind::kExact, length, list);
  }

  // Which rules to look at.
  enum class Users : std::uint8_t {
    kWithout,   ///< those without a user condition
    kMatching,  ///< those whose user condition holds
    kAny,       ///< those with a user condition, whether it holds or not
  };

  Match MatchOf(std::uint32_t rule) const noexcept {
    PolicyRule entry;
    if (!rules_.Get(rule, &entry)) return {};
    const std::string_view vendor = VendorName(entry.vendor);
    if (vendor.empty()) return {};
    return {vendor, rule, true, entry.vendor};
  }

  bool FindAmong(Users users, const Evidence& evidence,
                 std::uint32_t* rule) const noexcept {
    return FindByHost(users, evidence, rule) ||
           FindByAddress(users, evidence, rule) ||
           (users == Users::kWithout ? FindByPort(evidence.endpoint, rule)
                                     : FindByUser(users, evidence, rule));
  }

  // A name beyond the limit would overrun the label buffers of callers.
  std::string_view VendorName(std::uint32_t vendor) const noexcept {
    PolicyVendor entry;
    if (!vendors_.Get(vendor, &entry)) return {};
    const std::string_view name = strings_.Text(entry.name);
    return name.size() <= kMaxVendorLength ? name : std::string_view{};
  }

  bool Holds(Users users, const PolicyRule& rule,
             const Evidence& evidence) const noexcept {
    if ((rule.user.length != 0) != (users != Users::kWithout)) return false;
    if (!Holds(rule, evidence.endpoint)) return false;
    return users != Users::kMatching ||
           UserGrammar(strings_.Text(rule.user)).Match(evidence.user, nullptr);
  }

  bool Holds(const PolicyRule& rule, const Endpoint& endpoint) const noexcept {
    if (rule.ports.count > 0) {
      PolicyPorts ports;
      if (!ports_.FindRange(rule.ports.first, rule.ports.count, endpoint.port,
                            &ports)) {
        return false;
      }
    }
    if (rule.within4.count == 0 && rule.within6.count == 0) return true;
    if (IsIpv4(endpoint.address)) {
      PolicyRange4 range;
      return within4_.FindRange(rule.within4.first, rule.within4.count,
                                Ipv4Key(endpoint.address), &range);
    }
    PolicyRange6 range;
    return within6_.FindRange(rule.within6.first, rule.within6.count,
                              PolicyAddress6{endpoint.address}, &range);
  }

  /// The first rule of a candidate list whose conditions hold.
  bool FirstThatHolds(Users users, std::uint32_t list, const Evidence& evidence,
                      std::uint32_t* index, PolicyRule* rule) const noexcept {
    std::uint32_t count;
    if (!lists_.Get(list, &count)) return false;
    const std::uint64_t first = std::uint64_t{list} + kPolicyListHeaderWords;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!lists_.Get(first + i, index) || !rules_.Get(*index, rule)) {
        return false;
      }
      if (Holds(users, *rule, evidence)) return true;
    }
    return false;
  }

  bool FindByHost(Users users, const Evidence& evidence,
                  std::uint32_t* rule) const noexcept {
    // Precedence as one number, so that several names compare: specificity,
    // port, network, user name, then the complement of the position.
    std::uint64_t best = 0;
    for (const std::string_view host : evidence.hosts) {
      WalkHost(host, [&](PolicyHostKind kind, std::size_t length,
                         std::uint32_t list) noexcept {
        std::uint32_t index;
        PolicyRule entry;
        if (!FirstThatHolds(users, list, evidence, &index, &entry)) {
          return false;
        }
        std::uint64_t rank = kind == PolicyHostKind::kExact ? 0xffff : length;
        rank = rank << 1 | (entry.ports.count > 0);
        rank = rank << 1 | (entry.within4.count + entry.within6.count > 0);
        rank =
            rank << 10 |
            (users == Users::kWithout
                 ? 0
                 : UserGrammar(strings_.Text(entry.user)).literals() & 0x3ff);
        rank = rank << 32 | (0xffffffff - index);
        if (rank > best) {
          best = rank;
          *rule = index;
        }
        return false;
      });
    }
    return best != 0;
  }

  bool FindByAddress(Users users, const Evidence& evidence,
                     std::uint32_t* rule) const noexcept {
    std::uint32_t index =
        IsIpv4(evidence.endpoint.address)
            ? addresses4_.Find(Ipv4Key(evidence.endpoint.address))
            : addresses6_.Find(evidence.endpoint.address);
    for (;;) {
      PolicyNetwork network;
      PolicyRule entry;
      if (!networks_.Get(index, &network)) return false;
      if (FirstThatHolds(users, network.list, evidence, rule, &entry)) {
        return true;
      }
      // Strictly downwards, so that no file can make this loop forever; the
      // outermost network's kNoPolicyNetwork ends it the same way.
      if (network.parent >= index) return false;
      index = network.parent;
    }
  }

  bool FindByPort(const Endpoint& endpoint,
                  std::uint32_t* rule) const noexcept {
    PolicyPortRule range;
    if (!port_rules_.FindRange(0, port_rules_.size(), endpoint.port, &range)) {
      return false;
    }
    *rule = range.rule;
    return true;
  }

  // Rules by port and user name are among these: their number is small.
  bool FindByUser(Users users, const Evidence& evidence,
                  std::uint32_t* rule) const noexcept {
    PolicyRule entry;
    for (std::uint64_t i = 0; user_rules_.Get(i, rule); ++i) {
      if (rules_.Get(*rule, &entry) && Holds(users, entry, evidence)) {
        return true;
      }
    }
    return false;
  }

  PolicyTable<char> strings_;
  PolicyTable<PolicyVendor> vendors_;
  PolicyTable<PolicyRule> rules_;
  PolicyTable<PolicyPorts> ports_;
  PolicyTable<PolicyRange4> within4_;
  PolicyTable<PolicyRange6> within6_;
  PolicyTable<std::uint32_t> lists_;
  PolicyTable<PolicyHost> hosts_;
  PolicyTable<PolicyNetwork> networks_;
  PolicyAddresses4 addresses4_;
  PolicyAddresses6 addresses6_;
  PolicyTable<PolicyPortRule> port_rules_;
  PolicyTable<PolicySetting> settings_;
  PolicyTable<PolicyGrammar> grammars_;
  PolicyTable<std::uint32_t> user_rules_;
  PolicyTable<PolicyRange4> inside4_;
  PolicyTable<PolicyRange6> inside6_;
  PolicyTable<PolicyPorts> left_ports_;
  PolicyTable<PolicyText> processes_;
};

}  // namespace proxymeter

#endif  // PROXYMETER_POLICY_VIEW_H_
