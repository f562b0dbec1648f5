// A value in a manifest that knows where it stands, so that every complaint
// names file, line, column and field.
#ifndef PROXYMETER_CLI_INJECT_FIELD_H_
#define PROXYMETER_CLI_INJECT_FIELD_H_

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace proxymeter::cli {

/// One document of a manifest. Fields refer to it: it must outlive them.
struct Document {
  std::string file;  ///< name, for errors
  int line = 0;      ///< of `text` in the file, from 0
  std::string text;
};

/// "FILE:LINE:COLUMN: `what`"
absl::Status ErrorAt(const Document& document, const YAML::Mark& mark,
                     std::string_view what);

class Field {
 public:
  /// Of a mapping, or of a list.
  struct Step {
    std::string key;
    std::optional<std::size_t> index;
  };

  /// The top of `document`.
  Field(const Document* document, YAML::Node node);
  Field(const Field&) = default;
  /// Assigning to a YAML::Node changes what the other one stands for.
  Field& operator=(const Field&) = delete;

  const Document& document() const { return *document_; }
  const YAML::Node& node() const { return node_; }
  /// Of the entry whose value this is; at the top and in lists undefined.
  const YAML::Node& key() const { return key_; }
  /// From the top to here.
  const std::vector<Step>& steps() const { return steps_; }
  bool IsNull() const { return node_.IsNull(); }

  /// "FILE:LINE:COLUMN: FIELD: `what`"
  absl::Status Error(std::string_view what) const;

  /// The value at `key`, if there is one; nothing in a null. An error when this
  /// is no mapping, repeats a key, or merges others into itself.
  absl::StatusOr<std::optional<Field>> Find(std::string_view key) const;
  absl::StatusOr<Field> Required(std::string_view key) const;

  /// The values of a list; none of a null.
  absl::StatusOr<std::vector<Field>> Items() const;

  absl::StatusOr<std::string> Text() const;
  /// Of the value at `key`; empty without one.
  absl::StatusOr<std::string> TextAt(std::string_view key) const;

 private:
  std::string Path() const;

  const Document* document_;
  YAML::Node node_;
  YAML::Node key_;
  std::vector<Step> steps_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_FIELD_H_
