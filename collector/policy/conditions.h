// Which vendor has which condition: the same one in two vendors is a mistake.
#ifndef PROXYMETER_COLLECTOR_POLICY_CONDITIONS_H_
#define PROXYMETER_COLLECTOR_POLICY_CONDITIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// A host, network or the like, with which a rule's ports and user name hold
/// together.
struct Condition {
  std::string text;  ///< as the configuration has it; empty: ports or user only
  std::string key;   ///< the same for the same condition, however written
  YamlNode node;     ///< where a complaint points at
};

/// A rule and what it claims for its vendor.
struct ParsedRule {
  MatchRule rule;
  std::vector<Condition> conditions;
};

class Conditions {
 public:
  /// Gives the conditions of `rule` to `vendor`; an error when another one has
  /// such a condition.
  absl::Status Claim(const ParsedRule& rule, std::string_view vendor);

 private:
  struct Use {
    std::string vendor;
    int line;
  };
  absl::flat_hash_map<std::string, Use> uses_;  // the first of each
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_CONDITIONS_H_
