#include "collector/policy/yaml_node.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>
#include <vector>

#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::size_t kSuggestionDistance = 2;

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1,
                         diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// Where each document of a stream has its first node.
class DocumentStarts : public YAML::EventHandler {
 public:
  const std::vector<YAML::Mark>& marks() const { return marks_; }

  void OnDocumentStart(const YAML::Mark&) override { at_start_ = true; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Node(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Node(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    Node(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t, YAML::EmitterStyle::value) override {
    Node(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Node(mark);
  }
  void OnMapEnd() override {}

 private:
  void Node(const YAML::Mark& mark) {
    if (std::exchange(at_start_, false)) marks_.push_back(mark);
  }

  std::vector<YAML::Mark> marks_;
  bool at_start_ = false;
};

// The marks of the first documents, two at most. YAML::LoadAll would not come
// back from a stray comma: it makes empty documents of it for ever.
std::vector<YAML::Mark> FirstDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (starts.marks().size() < 2 && parser.HandleNextDocument(starts)) {
  }
  return starts.marks();
}

}  // namespace

std::string Suggestion(std::string_view word,
                       std::span<const std::string_view> allowed) {
  const auto nearest =
      std::min_element(allowed.begin(), allowed.end(),
                       [word](std::string_view a, std::string_view b) {
                         return EditDistance(word, a) < EditDistance(word, b);
                       });
  if (EditDistance(word, *nearest) <= kSuggestionDistance) {
    return fmt::format("did you mean '{}'?", *nearest);
  }
  return fmt::format("allowed are {}", fmt::join(allowed, ", "));
}

const YamlNode* YamlMapping::Find(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return &value;
  }
  return nullptr;
}

void YamlMapping::Add(std::string key, YamlNode value) {
  entries_.emplace_back(std::move(key), std::move(value));
}

YamlNode::YamlNode(YAML::Node node, std::shared_ptr<const std::string> file,
                   std::shared_ptr<const std::string> path, YAML::Mark fallback)
    : node_(std::move(node)), file_(std::move(file)), path_(std::move(path)) {
  // A value left out has the mark of whatever follows it.
  YAML::Mark mark = node_.IsNull() ? fallback : node_.Mark();
  if (mark.is_null()) mark = YAML::Mark();
  line_ = mark.line + 1;
  column_ = mark.column + 1;
}

absl::StatusOr<YamlNode> YamlNode::Parse(std::string_view text,
                                         std::string_view file_name) {
  const auto file = std::make_shared<const std::string>(file_name);
  const auto error = [&](const YAML::Mark& mark, std::string_view what) {
    return absl::InvalidArgumentError(fmt::format(
        "{}:{}:{}: {}", *file, mark.line + 1, mark.column + 1, what));
  };
  YAML::Node document;
  try {
    const std::string copy(text);
    // YAML::Load reads the first document and drops the rest.
    const std::vector<YAML::Mark> starts = FirstDocuments(copy);
    if (starts.size() > 1) {
      return error(starts[1], starts[1].pos == starts[0].pos
                                  ? "YAML syntax: this begins no document"
                                  : "a second YAML document");
    }
    document = YAML::Load(copy);
  } catch (const YAML::Exception& e) {
    return error(e.mark.is_null() ? YAML::Mark() : e.mark,
                 fmt::format("YAML syntax: {}", e.msg));
  } catch (const std::exception& e) {
    return error(YAML::Mark(), fmt::format("YAML syntax: {}", e.what()));
  }
  return YamlNode(document, file, std::make_shared<const std::string>(),
                  YAML::Mark());
}

std::string YamlNode::Path() const {
  if (index_.has_value()) return fmt::format("{}[{}]", *path_, *index_);
  return path_->empty() ? "top level" : *path_;
}

absl::Status YamlNode::Error(std::string_view what) const {
  return absl::InvalidArgumentError(
      fmt::format("{}:{}:{}: {}: {}", *file_, line_, column_, Path(), what));
}

absl::Status YamlNode::CheckTag() const {
  const std::string& tag = node_.Tag();
  // "?" and "!" are how plain and quoted values come out of the parser.
  if (tag.empty() || tag == "?" || tag == "!") return absl::OkStatus();
  return Error(fmt::format("YAML tags are not used here ('{}')", tag));
}

absl::StatusOr<YamlMapping> YamlNode::Mapping(
    std::span<const std::string_view> allowed) const {
  if (!node_.IsMap()) {
    return Error(
        fmt::format("a mapping is expected ({})", fmt::join(allowed, ", ")));
  }
  if (absl::Status status = CheckTag(); !status.ok()) return status;
  const std::string prefix = path_->empty() ? std::string() : Path() + ".";
  YamlMapping mapping;
  for (const auto& entry : node_) {
    const YAML::Mark mark = entry.first.Mark();
    if (!entry.first.IsScalar()) {
      return YamlNode(entry.first, file_, path_, mark)
          .Error("a key must be a plain word");
    }
    const std::string& key = entry.first.Scalar();
    const auto path = std::make_shared<const std::string>(prefix + key);
    const YamlNode at_key(entry.first, file_, path, mark);
    if (const YamlNode* earlier = mapping.Find(key)) {
      return at_key.Error(
          fmt::format("repeated key, first on line {}", earlier->line()));
    }
    if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
      return at_key.Error(
          fmt::format("unknown key ({})", Suggestion(key, allowed)));
    }
    mapping.Add(key, YamlNode(entry.second, file_, path, mark));
  }
  return mapping;
}

absl::StatusOr<YamlNode> YamlNode::Required(const YamlMapping& mapping,
                                            std::string_view key) const {
  if (const YamlNode* value = mapping.Find(key)) return *value;
  return Error(fmt::format("'{}' is missing", key));
}

std::optional<YamlNode> YamlNode::Peek(std::string_view key) const {
  if (!node_.IsMap()) return std::nullopt;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != key) continue;
    const std::string prefix = path_->empty() ? std::string() : Path() + ".";
    return YamlNode(
        entry.second, file_,
        std::make_shared<const std::string>(prefix + std::string(key)),
        entry.first.Mark());
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<YamlNode>> YamlNode::List() const {
  if (!node_.IsSequence()) return Error("a list is expected");
  if (absl::Status status = CheckTag(); !status.ok()) return status;
  const auto path = std::make_shared<const std::string>(Path());
  std::vector<YamlNode> values;
  values.reserve(node_.size());
  for (const auto& value : node_) {
    YamlNode child(value, file_, path, value.Mark());
    child.index_ = values.size();
    values.push_back(std::move(child));
  }
  return values;
}

absl::StatusOr<std::vector<YamlNode>> YamlNode::OneOrMore() const {
  if (!node_.IsSequence()) return std::vector<YamlNode>{*this};
  absl::StatusOr<std::vector<YamlNode>> values = List();
  if (values.ok() && values->empty()) return Error("the list is empty");
  return values;
}

absl::StatusOr<std::string> YamlNode::Text() const {
  if (node_.IsNull()) return Error("a value is expected, nothing is there");
  if (!node_.IsScalar()) return Error("a single value is expected");
  if (absl::Status status = CheckTag(); !status.ok()) return status;
  if (node_.Scalar().empty()) return Error("the value is empty");
  return node_.Scalar();
}

}  // namespace proxymeter::collector
