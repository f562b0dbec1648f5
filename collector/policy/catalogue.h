// The vendors that come with the program: examples/vendors/*.yaml, part of it
// since it was built.
#ifndef PROXYMETER_COLLECTOR_POLICY_CATALOGUE_H_
#define PROXYMETER_COLLECTOR_POLICY_CATALOGUE_H_

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/policy/yaml_node.h"

namespace proxymeter::collector {

/// One of them: a mapping with keys of an entry of `vendors:`.
struct CatalogueFile {
  std::string_view name;  ///< of the vendor and of its file
  std::string_view yaml;
};

/// All, in the order of their names.
std::span<const CatalogueFile> CatalogueFiles();

/// The one called `name`; an error at `node` that says which there are.
absl::StatusOr<CatalogueFile> FindInCatalogue(const YamlNode& node,
                                              std::string_view name);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_CATALOGUE_H_
