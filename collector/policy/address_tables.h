// Writes the address tables of a policy file (proxymeter/policy_addresses.h).
#ifndef PROXYMETER_COLLECTOR_POLICY_ADDRESS_TABLES_H_
#define PROXYMETER_COLLECTOR_POLICY_ADDRESS_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/numeric/int128.h"
#include "collector/policy/network_sweep.h"
#include "proxymeter/policy.h"

namespace proxymeter::collector {

/// One section, to be written as it is.
struct AddressSection {
  PolicySectionKind kind;
  std::uint32_t stride;
  std::vector<std::byte> bytes;
};

/// Single addresses of IPv4 from which on they get a table of their own, which
/// has a least size. IPv6's has none.
inline constexpr std::size_t kMinTabledHosts4 = std::size_t{1} << 19;

/// The tables of what was swept; `target_count` is above all targets but
/// kNoPolicyNetwork. Nothing for no addresses.
std::vector<AddressSection> AddressTables4(SweptNetworks<std::uint32_t> swept,
                                           std::uint32_t target_count,
                                           std::size_t min_tabled_hosts);
std::vector<AddressSection> AddressTables6(SweptNetworks<absl::uint128> swept,
                                           std::uint32_t target_count);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_ADDRESS_TABLES_H_
