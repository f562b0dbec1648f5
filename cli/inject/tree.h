// Values of a manifest, without where and how they are written.
#ifndef PROXYMETER_CLI_INJECT_TREE_H_
#define PROXYMETER_CLI_INJECT_TREE_H_

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/inject/pod_parts.h"

namespace proxymeter::cli {

/// Equal when every YAML parser reads the same.
struct Tree {
  enum class Kind { kNull, kScalar, kList, kMapping };

  Kind kind = Kind::kNull;
  std::string tag;   ///< "str"; "?" for what a plain word resolves to; else own
  std::string text;  ///< of a scalar
  std::vector<Tree> items;                       ///< of a list
  std::vector<std::pair<Tree, Tree>> entries{};  ///< of a mapping, as written

  bool operator==(const Tree&) const = default;

  /// Nothing when this is no mapping, or lacks `key`.
  Tree* Find(std::string_view key);
  const Tree* Find(std::string_view key) const;

  /// Whether everything in `part` is here too. Lists must be of one length:
  /// an API server adds fields, not items.
  bool Contains(const Tree& part) const;
};

Tree TreeOf(const Json& value);

/// Nothing when it has more than `most` values: aliases make few bytes
/// multiply.
std::optional<Tree> TreeOf(const YAML::Node& node, std::size_t most);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_TREE_H_
