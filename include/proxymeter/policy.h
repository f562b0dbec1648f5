// The policy: the vendor configuration as one flat file, mapped by crawlers.
//
// The collector compiles it, renames it to DIR/policy and never touches it
// again; the shim maps it read-only and looks vendors up with PolicyView
// (policy_view.h). The file holds no pointers. All integers are in host byte
// order: both sides run on one machine, and a foreign order fails the magic.
//
//   offset 0                    PolicyHeader
//   sizeof(PolicyHeader)        PolicySection[section_count]
//   as the sections say         their entries; every section starts at a
//                               multiple of 8, the file ends at one
//
// A kind of section stands at most once; a missing one is empty. Readers pass
// over kinds that they do not know; what must not be passed over comes with a
// new version.
#ifndef PROXYMETER_POLICY_H_
#define PROXYMETER_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace proxymeter {

inline constexpr std::uint64_t kPolicyMagic = 0x31434c4f504d5850;  // PXMPOLC1
inline constexpr std::uint32_t kPolicyVersion = 2;
inline constexpr std::size_t kPolicyAlignment = 8;
inline constexpr std::uint32_t kMaxPolicySections = 64;

struct PolicyHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t section_count;
  std::uint64_t file_bytes;  ///< size of the whole file, a multiple of 8
  std::uint64_t checksum;    ///< PolicyChecksum of the whole file
};
static_assert(sizeof(PolicyHeader) == 32);

enum class PolicySectionKind : std::uint32_t {
  kStrings = 1,     ///< char: all texts, no terminators
  kVendors = 2,     ///< PolicyVendor
  kRules = 3,       ///< PolicyRule, in the order of the configuration
  kPorts = 4,       ///< PolicyPorts: conditions, rule by rule
  kWithin4 = 5,     ///< PolicyRange4: conditions, rule by rule
  kWithin6 = 6,     ///< PolicyRange6: conditions, rule by rule
  kLists = 7,       ///< uint32: candidate lists, see below
  kHosts = 8,       ///< PolicyHost: a hash table, a power of two of slots
  kNetworks = 9,    ///< PolicyNetwork: a parent stands before its children
  kPortRules = 12,  ///< PolicyPortRule, sorted, disjoint
  kSettings = 13,   ///< PolicySetting
  kGrammars = 14,   ///< PolicyGrammar: of vendors, vendor by vendor
  kUserRules = 15,  ///< uint32: rules with a user condition and neither host
                    ///< nor cidr, those with a port first, best first
  kInside4 = 16,    ///< PolicyRange4, sorted: what counts as the cluster
  kInside6 = 17,    ///< PolicyRange6, sorted
  kLeftPorts = 18,  ///< PolicyPorts, sorted: of connections left unmetered
  kProcesses = 19,  ///< PolicyText: names, as PolicyProcesses says

  // Addresses: policy_addresses.h
  kHosts4 = 32,     ///< buckets
  kTop4 = 33,       ///< PolicyBranch: 256, by the first byte
  kPages4 = 34,     ///< PolicyBranch: by the second byte
  kPoints4 = 35,    ///< lower halves and targets
  kHosts6 = 36,     ///< buckets
  kKeys6 = 37,      ///< uint64: upper halves, level by level
  kBranches6 = 38,  ///< PolicyBranch
  kLows6 = 39,      ///< PolicyLow6
};
/// As many as a set of them has bits.
inline constexpr std::uint32_t kLastPolicySectionKind = 63;

struct PolicySection {
  std::uint32_t kind;    ///< PolicySectionKind
  std::uint32_t stride;  ///< bytes of one entry
  std::uint64_t offset;  ///< from the start of the file, a multiple of 8
  std::uint64_t count;   ///< number of entries
};
static_assert(sizeof(PolicySection) == 24);

/// What crawlers shall do beyond looking vendors up. A setting that is not
/// there has the value 0; readers pass over those that they do not know.
enum class PolicySettingKind : std::uint32_t {
  kCallSites = 1,     ///< PolicyCallSites
  kUserRules = 2,     ///< how many rules have a condition on the user name
  kVendorHeader = 3,  ///< 1: the request header X-Proxy-Vendor names a vendor
  kInside = 4,        ///< 1: kInside4 and kInside6 say what the cluster is
  kProcesses = 5,     ///< PolicyProcesses
};
enum class PolicyProcesses : std::uint32_t {
  kAll = 0,
  kOnly = 1,    ///< those of the section, by the kernel's name (comm)
  kExcept = 2,  ///< all but those
};
enum class PolicyCallSites : std::uint32_t {
  kOff = 0,
  kSampled = 1,  ///< ask who opened a connection, by samples
};
struct PolicySetting {
  std::uint32_t kind;  ///< PolicySettingKind, each at most once
  std::uint32_t value;
};
static_assert(sizeof(PolicySetting) == 8);

/// A slice of the strings section.
struct PolicyText {
  std::uint32_t offset;
  std::uint32_t length;
};

/// A slice of one of the condition sections; empty means no such condition.
/// The ranges in it are sorted and disjoint.
struct PolicySlice {
  std::uint32_t first;
  std::uint32_t count;
};

struct PolicyVendor {
  PolicyText name;
  PolicyText labels;  ///< names of its labels, separated by commas
  PolicySlice grammars;
};
static_assert(sizeof(PolicyVendor) == 24);

enum class PolicyCredential : std::uint32_t { kUser = 1, kPassword = 2 };

/// Where a vendor's labels are read from: the first that matches counts, of
/// each credential.
struct PolicyGrammar {
  PolicyText text;           ///< UserGrammar
  std::uint32_t credential;  ///< PolicyCredential
};
static_assert(sizeof(PolicyGrammar) == 12);

struct PolicyRule {
  std::uint32_t vendor;  ///< index into the vendors
  PolicyText text;       ///< where it stands in the configuration
  PolicyText user;       ///< UserGrammar that the user name matches; or empty
  PolicySlice ports;
  PolicySlice within4;  ///< networks that hold in addition to a host name;
  PolicySlice within6;  ///< a condition when either slice has entries
};
static_assert(sizeof(PolicyRule) == 44);

/// An IPv6 address in network byte order, so that memcmp orders it.
struct PolicyAddress6 {
  std::array<std::uint8_t, 16> bytes;

  friend bool operator<(const PolicyAddress6& a,
                        const PolicyAddress6& b) noexcept {
    return std::memcmp(a.bytes.data(), b.bytes.data(), 16) < 0;
  }
};

/// Inclusive ranges.
struct PolicyPorts {
  using Key = std::uint16_t;
  Key first;
  Key last;
};
struct PolicyRange4 {
  using Key = std::uint32_t;  ///< the address as a number, host byte order
  Key first;
  Key last;
};
struct PolicyRange6 {
  using Key = PolicyAddress6;
  Key first;
  Key last;
};

/// A range of ports and what it leads to.
struct PolicyPortRule {
  std::uint16_t first;
  std::uint16_t last;
  std::uint32_t rule;
};
static_assert(sizeof(PolicyPortRule) == 8);

/// The innermost network around an address. Networks nest or are disjoint, so
/// the chain of parents lists all others around it, the longest prefix first.
/// Chains, not one list per range: a thousand rules for 0.0.0.0/0 must not be
/// copied into each of a million smaller networks.
/// Networks with the same candidates and the same chain are one, and no chain
/// has the same candidates twice.
struct PolicyNetwork {
  std::uint32_t list;    ///< candidates of this network
  std::uint32_t parent;  ///< a smaller index, or kNoPolicyNetwork
};
inline constexpr std::uint32_t kNoPolicyNetwork = 0xffffffff;

enum class PolicyHostKind : std::uint16_t {
  kNone = 0,    ///< an empty slot
  kExact = 1,   ///< the name itself
  kSuffix = 2,  ///< any name that ends in a dot and this name
};

/// A slot of the hash table: open addressing, linear probing from
/// hash & (slots - 1), at least one empty slot.
struct PolicyHost {
  std::uint32_t hash;  ///< PolicyHostHash of name and kind
  PolicyText name;     ///< lower case, no trailing dot
  std::uint32_t list;
  PolicyHostKind kind;
  std::uint16_t reserved;
};
static_assert(sizeof(PolicyHost) == 20);

/// A candidate list, named by the index of its first word in the lists
/// section: the number of rules, then those rules, best first. Hosts: with
/// port condition, then with network condition, then as configured. Networks:
/// with port condition, then as configured. In both, of rules with a condition
/// on the user name those with more literal characters before the rest.
inline constexpr std::size_t kPolicyListHeaderWords = 1;

/// Sum over the file's 8-byte words but the checksum's own. It finds torn and
/// damaged files; it is no protection against someone who means harm: the
/// owner of the directory decides what stands in it.
/// FNV-1a's steps over words; the fold carries high bits down, which the
/// multiplication alone never does. Every step is a bijection, so a change
/// within one word never goes unnoticed.
inline std::uint64_t PolicyChecksum(std::span<const std::byte> file) noexcept {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::size_t at = 0; at + 8 <= file.size(); at += 8) {
    if (at == offsetof(PolicyHeader, checksum)) continue;
    std::uint64_t word;
    std::memcpy(&word, file.data() + at, 8);
    sum = (sum ^ word) * 0x100000001b3;
    sum ^= sum >> 32;
  }
  return sum;
}

constexpr char PolicyLowerCase(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Hash of a host name, fed from its last character to its first: one pass
/// over a name passes through the hashes of all its suffixes.
class PolicyHostHash {
 public:
  constexpr void Add(char c) noexcept {
    state_ ^= static_cast<std::uint8_t>(PolicyLowerCase(c));
    state_ *= 0x100000001b3;
  }
  constexpr std::uint32_t Of(PolicyHostKind kind) const noexcept {
    const std::uint64_t mixed =
        (state_ ^ static_cast<std::uint64_t>(kind)) * 0x9e3779b97f4a7c15;
    return static_cast<std::uint32_t>(mixed >> 32);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

static_assert(std::is_trivially_copyable_v<PolicyRule> &&
              std::is_trivially_copyable_v<PolicyHost> &&
              std::is_trivially_copyable_v<PolicyRange6>);

}  // namespace proxymeter

#endif  // PROXYMETER_POLICY_H_
