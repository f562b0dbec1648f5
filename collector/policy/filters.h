// What is metered at all, under `filters:`.
#ifndef PROXYMETER_COLLECTOR_POLICY_FILTERS_H_
#define PROXYMETER_COLLECTOR_POLICY_FILTERS_H_

#include "absl/status/statusor.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

absl::StatusOr<Filters> ParseFilters(const YamlNode& node);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_FILTERS_H_
