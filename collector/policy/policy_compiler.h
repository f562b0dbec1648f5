// Turns the vendor configuration into the file that crawlers map.
#ifndef PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_
#define PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/policy/address_tables.h"
#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {

/// The bytes of a policy file (proxymeter/policy.h). The same configuration
/// gives the same bytes. Time: O(n log n) in the number of conditions.
/// InvalidArgument when rules of two vendors claim one network for the same
/// ports, which names both:
///   "vendors.yaml:9: vendors[1].match[0], exits.txt:17: overlapping:
///   '192.0.2.7/32' already belongs to vendor 'acme' (vendors.yaml:6:
///   vendors[0].match[0])"
/// `min_tabled_hosts4`: address_tables.h; another one is for tests.
absl::StatusOr<std::vector<std::byte>> CompilePolicy(
    const VendorConfig& config,
    std::size_t min_tabled_hosts4 = kMinTabledHosts4);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_
