#include "cli/inject/manifest_edit.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/inject/yaml_text.h"

namespace proxymeter::cli {
namespace {

constexpr int kStep = 2;
constexpr char kBlanks[] = " \t\r\n";

bool IsDocumentMark(std::string_view line) {
  return line.starts_with("---") || line.starts_with("...");
}

// Where a block of lines ends that begins in the line of `begin` and stands at
// `column`: behind its last line, and behind the blank ones that follow, which
// may be part of a text at its end.
std::pair<std::size_t, std::size_t> BlockEnd(std::string_view text,
                                             std::size_t begin, int column,
                                             bool is_list) {
  const auto next = [text](std::size_t position) {
    const std::size_t end = text.find('\n', position);
    return end == std::string_view::npos ? text.size() : end + 1;
  };
  std::size_t end = next(begin);
  std::size_t blanks = end;
  for (std::size_t at = end; at < text.size();) {
    const std::size_t after = next(at);
    const std::string_view line = text.substr(at, after - at);
    at = after;
    const std::size_t indent = line.find_first_not_of(' ');
    const std::size_t word = line.find_first_not_of(kBlanks);
    if (word == std::string_view::npos) {
      if (blanks == at - line.size()) blanks = after;
      continue;
    }
    const bool is_comment = line[word] == '#';
    const bool is_item = line.substr(word).starts_with("- ") ||
                         line.substr(word).find_last_not_of(kBlanks) == 0;
    const bool deeper = indent > static_cast<std::size_t>(column);
    const bool level = indent == static_cast<std::size_t>(column);
    if (deeper ||
        (level && !is_comment && (!is_list || (line[word] == '-' && is_item)) &&
         !(column == 0 && IsDocumentMark(line)))) {
      end = blanks = after;
    } else if (!is_comment) {
      break;
    }
  }
  return {end, blanks};
}

}  // namespace

absl::StatusOr<YAML::Node> ParseDocument(const Document& document) {
  try {
    return YAML::Load(document.text);
  } catch (const YAML::Exception& e) {
    return ErrorAt(document, e.mark, absl::StrCat("YAML syntax: ", e.msg));
  } catch (const std::exception& e) {
    return ErrorAt(document, YAML::Mark(),
                   absl::StrCat("YAML syntax: ", e.what()));
  }
}

ManifestEdit::ManifestEdit(const Document* document, Tree before)
    : document_(document),
      text_(document->text),
      line_end_(text_.find("\r\n") == std::string::npos ? "\n" : "\r\n"),
      expected_(std::move(before)) {
  if (!text_.ends_with('\n')) text_ += line_end_;
}

// Behind anchor and tag, which is where the mark is.
std::size_t ManifestEdit::Begin(const Field& field) const {
  std::size_t at = static_cast<std::size_t>(field.node().Mark().pos);
  while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
    at = text_.find_first_of(kBlanks, at);
    at = text_.find_first_not_of(kBlanks, at);
    while (at < text_.size() && text_[at] == '#') {
      at = text_.find_first_not_of(kBlanks, LineEnd(at));
    }
  }
  return std::min(at, text_.size());
}

std::size_t ManifestEdit::LineEnd(std::size_t position) const {
  const std::size_t end = text_.find('\n', position);
  return end == std::string::npos ? text_.size() : end + 1;
}

std::string ManifestEdit::Block(const Json& value, int indent) const {
  return absl::StrReplaceAll(BlockYaml(value, indent), {{"\n", line_end_}});
}

void ManifestEdit::Add(Change change) {
  // An alias is the value that it stands for: written once, seen twice.
  for (const Change& other : changes_) {
    if (other.begin == change.begin && other.end == change.end &&
        other.rank == change.rank && other.text == change.text) {
      return;
    }
  }
  changes_.push_back(std::move(change));
}

void ManifestEdit::InsertBehind(std::size_t begin, int column, bool is_list,
                                std::string text) {
  const auto [end, blanks] = BlockEnd(text_, begin, column, is_list);
  Add({end, end, blanks, 2 * column + (is_list ? 1 : 0), std::move(text)});
}

// The value that stands, or is left out, behind the key.
absl::Status ManifestEdit::Fill(const Field& null, const Json& value) {
  const YAML::Node& key = null.key();
  if (!key.IsScalar()) return null.Error("a value is expected");
  std::size_t at = static_cast<std::size_t>(key.Mark().pos);
  const bool quoted = text_[at] == '"' || text_[at] == '\'';
  at += key.Scalar().size() + (quoted ? 2 : 0);
  at = text_.find(':', at);
  if (at == std::string::npos) return null.Error("cannot be edited here");
  const std::size_t word = text_.find_first_not_of(" \t", at + 1);
  const std::size_t line_end = LineEnd(at);
  if (word >= line_end || text_[word] == '#' || text_[word] == '\r' ||
      text_[word] == '\n') {
    const int column = key.Mark().column;
    Add({line_end, line_end, line_end, 2 * column + 1,
         Block(value, column + kStep)});
    return absl::OkStatus();
  }
  for (const std::string_view name : {"null", "Null", "NULL", "~"}) {
    if (text_.compare(word, name.size(), name) == 0) {
      Add({word, word + name.size(), word, 0, value.dump()});
      return absl::OkStatus();
    }
  }
  return null.Error("is left out in a way that cannot be edited: write null");
}

Tree* ManifestEdit::At(const Field& field) {
  Tree* tree = &expected_;
  for (const Field::Step& step : field.steps()) {
    tree = step.index.has_value() ? &tree->items[*step.index]
                                  : tree->Find(step.key);
  }
  return tree;
}

absl::Status ManifestEdit::AddEntry(const Field& mapping,
                                    const std::string& key, const Json& value) {
  const Json entry = {{key, value}};
  Tree added = TreeOf(entry);
  Tree* const tree = At(mapping);
  if (mapping.IsNull()) {
    *tree = std::move(added);
    return Fill(mapping, entry);
  }
  tree->entries.push_back(std::move(added.entries.front()));
  const std::size_t begin = Begin(mapping);
  if (text_[begin] == '{') {
    const std::string text = entry.dump();
    Add({begin + 1, begin + 1, begin + 1, 0,
         text.substr(1, text.size() - 2) +
             (mapping.node().size() == 0 ? "" : ", ")});
    return absl::OkStatus();
  }
  const YAML::Mark first = mapping.node().begin()->first.Mark();
  InsertBehind(static_cast<std::size_t>(first.pos), first.column, false,
               Block(entry, first.column));
  return absl::OkStatus();
}

absl::Status ManifestEdit::AddItems(const Field& list, const Json& items,
                                    bool first) {
  Tree added = TreeOf(items);
  Tree* const tree = At(list);
  if (list.IsNull()) {
    *tree = std::move(added);
    return Fill(list, items);
  }
  const std::size_t begin = Begin(list);
  const bool is_flow = text_[begin] == '[';
  tree->items.insert(is_flow || first ? tree->items.begin() : tree->items.end(),
                     added.items.begin(), added.items.end());
  if (is_flow) {
    const std::string text = items.dump();
    Add({begin + 1, begin + 1, begin + 1, 0,
         text.substr(1, text.size() - 2) +
             (list.node().size() == 0 ? "" : ", ")});
    return absl::OkStatus();
  }
  const std::size_t line = text_.rfind('\n', begin) + 1;
  const int column = static_cast<int>(begin - line);
  if (first) {
    // Above comments that are about the first item.
    const std::size_t at =
        LineEnd(static_cast<std::size_t>(list.key().Mark().pos));
    Add({at, at, at, 2 * column + 1, Block(items, column)});
  } else {
    InsertBehind(begin, column, true, Block(items, column));
  }
  return absl::OkStatus();
}

absl::Status ManifestEdit::Replace(const Field& scalar,
                                   const std::string& text) {
  const std::size_t begin = Begin(scalar);
  const std::string& old = scalar.node().Scalar();
  std::size_t end = begin + old.size();
  if (text_[begin] == '"' || text_[begin] == '\'') {
    end = text_.find(text_[begin], begin + 1) + 1;
    if (text_.substr(begin + 1, end - begin - 2) != old) {
      return scalar.Error(
          "has escapes or more than one line: write it plainly");
    }
  } else if (text_.substr(begin, old.size()) != old) {
    return scalar.Error("has more than one line: write it on one");
  }
  Add({begin, end, begin, 0, Json(text).dump()});
  *At(scalar) = TreeOf(Json(text));
  return absl::OkStatus();
}

std::string ManifestEdit::Apply(bool behind_blanks) const {
  std::vector<Change> changes = changes_;
  for (Change& change : changes) {
    if (behind_blanks && change.begin == change.end) {
      change.begin = change.end = change.behind_blanks;
    }
  }
  std::stable_sort(
      changes.begin(), changes.end(), [](const Change& a, const Change& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.rank > b.rank;
      });
  std::string out;
  std::size_t at = 0;
  for (const Change& change : changes) {
    out.append(text_, at, change.begin - at).append(change.text);
    at = change.end;
  }
  return out.append(text_, at);
}

absl::StatusOr<std::string> ManifestEdit::Result() const {
  for (const bool behind_blanks : {false, true}) {
    std::string text = Apply(behind_blanks);
    const auto node = ParseDocument({document_->file, document_->line, text});
    if (!node.ok()) continue;
    const auto tree = TreeOf(*node, 2 * kMostValues);
    if (tree.has_value() && tree->Contains(expected_) &&
        expected_.Contains(*tree)) {
      return text;
    }
  }
  return ErrorAt(
      *document_, YAML::Mark(),
      "this document cannot be edited as it is written (an alias of "
      "something that is added to, or unusual indentation): write "
      "it plainly, as 'kubectl create --dry-run=client -o yaml' does");
}

}  // namespace proxymeter::cli
