// What of user names and passwords becomes labels, and what never may.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_LABELS_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_LABELS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// One grammar, or several that differ.
absl::StatusOr<std::vector<std::string>> ParseGrammars(const YamlNode& node);

/// One grammar.
absl::StatusOr<std::string> ParseGrammar(const YamlNode& node);

/// One label or a list, which may be empty, of what `vendor`'s grammars name.
absl::StatusOr<std::vector<std::string>> ParseLabels(const YamlNode& node,
                                                     const Vendor& vendor);

/// OK when `label` is a value of one of the vendor's grammars; `node` is what
/// is complained of otherwise.
absl::Status CheckLabelHasValue(const YamlNode& node, const Vendor& vendor,
                                const std::string& label);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_LABELS_H_
