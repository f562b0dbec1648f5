// Collects the networks of all rules, finds those that two vendors claim, and
// makes the tables of a policy file of them.
#ifndef PROXYMETER_COLLECTOR_POLICY_ADDRESS_COMPILER_H_
#define PROXYMETER_COLLECTOR_POLICY_ADDRESS_COMPILER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "absl/numeric/int128.h"
#include "collector/policy/address_list.h"
#include "collector/policy/address_tables.h"
#include "collector/policy/match_text.h"
#include "collector/policy/network_sweep.h"

namespace proxymeter::collector {

/// What of a rule matters beside others for the same network. With a port goes
/// before without, then the more `literals`, then the earlier one.
struct AddressRule {
  std::uint32_t vendor;
  std::uint32_t conditions;  ///< the same number for the same other conditions
  bool has_ports;
  std::uint32_t literals;  ///< of the condition on the user name
};

/// A network that two rules of different vendors claim under the same
/// conditions.
struct AddressConflict {
  struct Claim {
    std::uint32_t rule;
    std::uint32_t line;  ///< of the rule's address list; 0: in none
  };
  Cidr network;
  Claim earlier;  ///< the rule that stands earlier in the configuration
  Claim later;
  std::uint64_t others = 0;  ///< so many more networks
};

class AddressCompiler {
 public:
  /// The network of candidates, best first, within `parent`. Said of outer
  /// networks before inner ones.
  using AddNetwork = std::function<std::uint32_t(
      std::span<const std::uint32_t> candidates, std::uint32_t parent)>;

  /// `rules` grows while networks are added and must outlive this.
  explicit AddressCompiler(const std::vector<AddressRule>& rules)
      : rules_(rules) {}

  void Add(const Cidr& cidr, std::uint32_t rule);
  void Add(const AddressList& list, std::uint32_t rule);

  /// Uses the networks up; those that single addresses take are known to
  /// `add_network` when this returns. The first conflict in address order, IPv4
  /// before IPv6, makes the tables useless; nothing when there is none.
  /// Time: O(n log n) in networks. Memory: some 30 bytes for each.
  std::optional<AddressConflict> Sweep(const AddNetwork& add_network);

  /// After Sweep: the tables. `network_count` is above all that add_network
  /// returned.
  std::vector<AddressSection> Tables(std::uint32_t network_count,
                                     std::size_t min_tabled_hosts4);

 private:
  template <typename Key>
  SweptNetworks<Key> Sweep(std::vector<NetworkEntry<Key>>* entries,
                           const AddNetwork& add_network);
  template <typename Key>
  void FindConflict(std::span<const NetworkEntry<Key>> entries);

  const std::vector<AddressRule>& rules_;
  std::vector<NetworkEntry<std::uint32_t>> entries4_;
  std::vector<NetworkEntry<absl::uint128>> entries6_;
  SweptNetworks<std::uint32_t> swept4_;
  SweptNetworks<absl::uint128> swept6_;
  std::optional<AddressConflict> conflict_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_ADDRESS_COMPILER_H_
