// Says where two rules claim one network.
#ifndef PROXYMETER_COLLECTOR_POLICY_ADDRESS_CONFLICT_H_
#define PROXYMETER_COLLECTOR_POLICY_ADDRESS_CONFLICT_H_

#include "absl/status/status.h"
#include "collector/policy/address_compiler.h"
#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {

/// InvalidArgument with both rules, and the lines of the lists that they have
/// the network from.
absl::Status DescribeConflict(const AddressConflict& conflict,
                              const VendorConfig& config);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_ADDRESS_CONFLICT_H_
