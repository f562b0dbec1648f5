// Values of a kind that several keys have.
#ifndef PROXYMETER_COLLECTOR_POLICY_YAML_VALUES_H_
#define PROXYMETER_COLLECTOR_POLICY_YAML_VALUES_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/policy/yaml_node.h"
#include "fmt/format.h"

namespace proxymeter::collector {

/// Words that a key may have, and what they stand for.
template <typename Value, std::size_t kCount>
using Words = std::array<std::pair<std::string_view, Value>, kCount>;

/// Reads one of `words`.
template <typename Value, std::size_t kCount>
absl::Status ParseWord(const YamlNode& node, const Words<Value, kCount>& words,
                       Value* value) {
  static_assert(kCount >= 2);
  absl::StatusOr<std::string> text = node.Text();
  if (!text.ok()) return text.status();
  std::string list;
  for (const auto& [word, meaning] : words) {
    if (*text == word) {
      *value = meaning;
      return absl::OkStatus();
    }
    if (!list.empty()) list += kCount == 2 ? " nor " : ", ";
    list += fmt::format("'{}'", word);
  }
  return node.Error(fmt::format("'{}' is {} {}", *text,
                                kCount == 2 ? "neither" : "none of", list));
}

/// Reads "true" or "false".
inline absl::Status ParseBoolean(const YamlNode& node, bool* value) {
  constexpr Words<bool, 2> kWords = {{{"true", true}, {"false", false}}};
  return ParseWord(node, kWords, value);
}

/// The texts of one value, or of a list.
inline absl::StatusOr<std::vector<std::string>> ParseTexts(
    const std::vector<YamlNode>& nodes) {
  std::vector<std::string> texts;
  for (const YamlNode& node : nodes) {
    absl::StatusOr<std::string> text = node.Text();
    if (!text.ok()) return text.status();
    texts.push_back(*std::move(text));
  }
  return texts;
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_YAML_VALUES_H_
