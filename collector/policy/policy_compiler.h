// Turns the vendor configuration into the file that crawlers map.
#ifndef PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_
#define PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_

#include <cstddef>
#include <vector>

#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {

/// The bytes of a policy file (proxymeter/policy.h). The same configuration
/// gives the same bytes. Time: O(n log n) in the number of conditions.
std::vector<std::byte> CompilePolicy(const VendorConfig& config);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_POLICY_COMPILER_H_
