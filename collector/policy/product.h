// One product of a vendor: what the rules of `{use: brightdata, zone: isp}`
// are.
#ifndef PROXYMETER_COLLECTOR_POLICY_PRODUCT_H_
#define PROXYMETER_COLLECTOR_POLICY_PRODUCT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/policy/conditions.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// A label that shall have a certain value.
struct ProductLabel {
  std::string label;
  std::string value;
  YamlNode node;  ///< the value's
};

/// Adds to each of `rules` that the user name is one of `grammars` and says
/// what `product` says; host, network and port hold as before. A rule becomes
/// as many as it takes.
absl::Status NarrowToProduct(const std::vector<ProductLabel>& product,
                             const std::vector<std::string>& grammars,
                             std::vector<ParsedRule>* rules);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_PRODUCT_H_
