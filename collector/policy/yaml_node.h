// A YAML value that knows where it stands, so that every complaint names file,
// line, column and field, and that lets nothing in the file pass unread.
#ifndef PROXYMETER_COLLECTOR_POLICY_YAML_NODE_H_
#define PROXYMETER_COLLECTOR_POLICY_YAML_NODE_H_

#include <yaml-cpp/yaml.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace proxymeter::collector {

class YamlNode;

/// "did you mean 'host'?" or "allowed are host, port".
std::string Suggestion(std::string_view word,
                       std::span<const std::string_view> allowed);

/// The keys and values of one mapping, in the order of the file.
class YamlMapping {
 public:
  /// Nothing when the mapping lacks `key`.
  const YamlNode* Find(std::string_view key) const;

  void Add(std::string key, YamlNode value);

 private:
  std::vector<std::pair<std::string, YamlNode>> entries_;
};

class YamlNode {
 public:
  /// The top of the one document in `text`.
  static absl::StatusOr<YamlNode> Parse(std::string_view text,
                                        std::string_view file_name);

  int line() const { return line_; }                  ///< from 1
  const std::string& file() const { return *file_; }  ///< its name

  /// "FILE:LINE:COLUMN: FIELD: `what`"
  absl::Status Error(std::string_view what) const;

  /// This mapping; an error when it is none, or holds a key that is repeated
  /// or not among `allowed`.
  absl::StatusOr<YamlMapping> Mapping(
      std::span<const std::string_view> allowed) const;

  /// `mapping`, which must be this node's, at `key`; an error without it.
  absl::StatusOr<YamlNode> Required(const YamlMapping& mapping,
                                    std::string_view key) const;

  /// The value at `key`, if there is one, whatever else is wrong with this
  /// node: for a key that decides which others are allowed.
  std::optional<YamlNode> Peek(std::string_view key) const;

  bool IsList() const { return node_.IsSequence(); }

  /// The values of this list, which may be empty.
  absl::StatusOr<std::vector<YamlNode>> List() const;

  /// A list that may not be empty; anything else stands for a list of itself.
  absl::StatusOr<std::vector<YamlNode>> OneOrMore() const;

  /// This scalar as written, without quotes.
  absl::StatusOr<std::string> Text() const;

 private:
  YamlNode(YAML::Node node, std::shared_ptr<const std::string> file,
           std::shared_ptr<const std::string> path, YAML::Mark fallback);

  std::string Path() const;
  absl::Status CheckTag() const;

  YAML::Node node_;
  std::shared_ptr<const std::string> file_;  // its name
  std::shared_ptr<const std::string> path_;  // without index_
  std::optional<std::size_t> index_;         // set for values of a list
  int line_;
  int column_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_YAML_NODE_H_
