// The entries of `vendors:`, one by one.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_ENTRY_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_ENTRY_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "collector/policy/conditions.h"
#include "collector/policy/product.h"
#include "collector/policy/vendor_config.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

class VendorReader {
 public:
  /// Adds to `config`, which must outlive this and whose other fields are read
  /// already.
  explicit VendorReader(VendorConfig* config) : config_(config) {}

  /// Reads one entry and compares it with those before.
  absl::Status Read(const YamlNode& node);

 private:
  absl::Status ParseName(const YamlNode& entry, const YamlMapping& mapping,
                         Vendor* vendor);
  absl::Status NameAfterCatalogue(const YamlNode& use,
                                  const std::vector<ProductLabel>& product,
                                  Vendor* vendor);
  absl::Status TakeName(const YamlNode& node, std::string name, Vendor* vendor);

  VendorConfig* config_;
  absl::flat_hash_map<std::string, int> lines_;  // of names
  Conditions conditions_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_ENTRY_H_
