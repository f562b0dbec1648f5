// Additions to one document, made in its text: comments, quotes, anchors and
// the rest of it stay as they were written.
#ifndef PROXYMETER_CLI_INJECT_MANIFEST_EDIT_H_
#define PROXYMETER_CLI_INJECT_MANIFEST_EDIT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/inject/field.h"
#include "cli/inject/pod_parts.h"
#include "cli/inject/tree.h"

namespace proxymeter::cli {

class ManifestEdit {
 public:
  /// `before` are the values of the document.
  ManifestEdit(const Document* document, Tree before);

  bool empty() const { return changes_.empty(); }

  /// To a mapping, or to a null, which becomes one.
  absl::Status AddEntry(const Field& mapping, const std::string& key,
                        const Json& value);

  /// To a list, or to a null, which becomes one. After a change with `first`
  /// further items of this list must not be touched.
  absl::Status AddItems(const Field& list, const Json& items,
                        bool first = false);

  /// The text of a scalar.
  absl::Status Replace(const Field& scalar, const std::string& text);

  /// The new text; an error when it would not say what was there before and
  /// what was added, and nothing else.
  absl::StatusOr<std::string> Result() const;

 private:
  // Bytes [begin, end) give way to `text`.
  struct Change {
    std::size_t begin;
    std::size_t end;
    std::size_t behind_blanks;  ///< where else an insertion may go
    int rank;                   ///< at one place, the deepest goes first
    std::string text;
  };

  std::size_t Begin(const Field& field) const;
  std::size_t LineEnd(std::size_t position) const;
  void InsertBehind(std::size_t begin, int column, bool is_list,
                    std::string text);
  absl::Status Fill(const Field& null, const Json& value);
  void Add(Change change);
  std::string Apply(bool behind_blanks) const;
  std::string Block(const Json& value, int indent) const;
  Tree* At(const Field& field);

  const Document* document_;
  std::string text_;
  std::string line_end_;
  Tree expected_;
  std::vector<Change> changes_;
};

/// Values that a document may have, aliases written out.
inline constexpr std::size_t kMostValues = 1'000'000;

/// The one value in `text`, a document of its own; errors name file and line.
absl::StatusOr<YAML::Node> ParseDocument(const Document& document);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_MANIFEST_EDIT_H_
