#include "cli/inject/field.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace proxymeter::cli {

absl::Status ErrorAt(const Document& document, const YAML::Mark& mark,
                     std::string_view what) {
  const YAML::Mark at = mark.is_null() ? YAML::Mark() : mark;
  return absl::InvalidArgumentError(
      absl::StrCat(document.file, ":", document.line + at.line + 1, ":",
                   at.column + 1, ": ", std::string(what)));
}

Field::Field(const Document* document, YAML::Node node)
    : document_(document), node_(std::move(node)) {}

std::string Field::Path() const {
  std::string path;
  for (const Step& step : steps_) {
    if (step.index.has_value()) {
      absl::StrAppend(&path, "[", *step.index, "]");
    } else {
      absl::StrAppend(&path, path.empty() ? "" : ".", step.key);
    }
  }
  return path.empty() ? "top level" : path;
}

absl::Status Field::Error(std::string_view what) const {
  // A value left out has the mark of whatever follows it.
  const bool by_key = node_.IsNull() && key_.IsScalar();
  return ErrorAt(*document_, by_key ? key_.Mark() : node_.Mark(),
                 absl::StrCat(Path(), ": ", std::string(what)));
}

absl::StatusOr<std::optional<Field>> Field::Find(std::string_view key) const {
  if (node_.IsNull()) return std::nullopt;
  if (!node_.IsMap()) return Error("a mapping is expected");
  std::optional<Field> found;
  std::vector<std::string> names;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) continue;
    Field at = *this;
    at.node_.reset(entry.second);
    at.key_.reset(entry.first);
    at.steps_.push_back({entry.first.Scalar(), std::nullopt});
    const std::string& name = at.steps_.back().key;
    if (name == "<<") {
      return at.Error("merge keys are not followed: write the fields out");
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return at.Error("repeated key");
    }
    names.push_back(name);
    if (name == key) found.emplace(at);
  }
  return found;
}

absl::StatusOr<Field> Field::Required(std::string_view key) const {
  absl::StatusOr<std::optional<Field>> found = Find(key);
  if (!found.ok()) return found.status();
  if (found->has_value()) return **found;
  return Error(absl::StrCat("'", std::string(key), "' is missing"));
}

absl::StatusOr<std::vector<Field>> Field::Items() const {
  std::vector<Field> items;
  if (node_.IsNull()) return items;
  if (!node_.IsSequence()) return Error("a list is expected");
  for (const auto& item : node_) {
    Field at = *this;
    at.node_.reset(item);
    at.key_.reset();
    at.steps_.push_back({"", items.size()});
    items.push_back(at);
  }
  return items;
}

absl::StatusOr<std::string> Field::Text() const {
  if (!node_.IsScalar()) return Error("a single value is expected");
  return node_.Scalar();
}

absl::StatusOr<std::string> Field::TextAt(std::string_view key) const {
  const auto found = Find(key);
  if (!found.ok()) return found.status();
  if (!found->has_value() || (*found)->IsNull()) return std::string();
  return (*found)->Text();
}

}  // namespace proxymeter::cli
