#include "collector/policy/catalogue.h"

#include <vector>

#include "fmt/format.h"

namespace proxymeter::collector {

absl::StatusOr<CatalogueFile> FindInCatalogue(const YamlNode& node,
                                              std::string_view name) {
  std::vector<std::string_view> names;
  for (const CatalogueFile& file : CatalogueFiles()) {
    if (file.name == name) return file;
    names.push_back(file.name);
  }
  const std::string hint = Suggestion(name, names);
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  return node.Error(fmt::format("'{}' is not in the catalogue ({}{})", name,
                                hint.ends_with(all) ? "" : hint + " ",
                                "there are " + all));
}

}  // namespace proxymeter::collector
