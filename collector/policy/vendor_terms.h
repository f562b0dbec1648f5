// What an entry of `vendors:` says beyond name and rules: grammars, labels,
// price and so on.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_TERMS_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_TERMS_H_

#include "absl/status/status.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// Replaces in `vendor` what `mapping` has.
absl::Status ParseTerms(const YamlMapping& mapping, Vendor* vendor);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_TERMS_H_
