// What a vendor charges, under `price:`.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_PRICES_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_PRICES_H_

#include "absl/status/statusor.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

absl::StatusOr<Price> ParsePrice(const YamlNode& node);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_PRICES_H_
