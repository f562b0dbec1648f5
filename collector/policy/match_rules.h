// The rules under `match:`.
#ifndef PROXYMETER_COLLECTOR_POLICY_MATCH_RULES_H_
#define PROXYMETER_COLLECTOR_POLICY_MATCH_RULES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "collector/policy/conditions.h"
#include "collector/policy/match_text.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// A list of rules that is not empty.
absl::StatusOr<std::vector<ParsedRule>> ParseRules(const YamlNode& node);

/// One port or range, or several; sorted and disjoint.
absl::StatusOr<std::vector<PortRange>> ParsePortList(const YamlNode& node);

/// The networks of `nodes`, each as ParseCidr or, of several, ParseRange.
absl::StatusOr<std::vector<Cidr>> ParseCidrList(
    const std::vector<YamlNode>& nodes);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_MATCH_RULES_H_
