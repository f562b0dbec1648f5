#include "cli/inject/tree.h"

#include <algorithm>
#include <cctype>

#include "cli/inject/yaml_text.h"

namespace proxymeter::cli {
namespace {

Tree Scalar(std::string tag, std::string text) {
  Tree tree;
  tree.kind = Tree::Kind::kScalar;
  tree.tag = std::move(tag);
  tree.text = std::move(text);
  return tree;
}

// Whether no version of YAML takes the plain word for anything else.
bool ReadsAsString(std::string_view text) {
  constexpr std::string_view kNumbers = "0123456789abcdefoxABCDEFOX+-.:_ tTzZ";
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const std::string_view rest = text.substr(has_sign ? 1 : 0);
  if (rest.empty()) return false;
  if (std::isdigit(static_cast<unsigned char>(rest[0])) != 0) {
    return rest.find_first_not_of(kNumbers) != std::string_view::npos;
  }
  if (has_sign) return is_letter(rest[0]) || rest[0] == '-';
  if (is_letter(rest[0])) return !IsYamlWord(rest);
  return std::string_view("/:").find(rest[0]) != std::string_view::npos;
}

// yaml-cpp tags quoted scalars "!" and plain ones "?".
std::string ScalarTag(const std::string& tag, const std::string& text) {
  if (tag == "!" || (tag == "?" && ReadsAsString(text))) return "str";
  return tag;
}

bool Fill(const YAML::Node& node, std::size_t& left, Tree& tree) {
  if (left == 0) return false;
  --left;
  const std::string& tag = node.Tag();
  if (node.IsScalar()) {
    tree = Scalar(ScalarTag(tag, node.Scalar()), node.Scalar());
    return true;
  }
  tree.tag = tag == "?" ? "" : tag;
  if (node.IsSequence()) {
    tree.kind = Tree::Kind::kList;
    for (const auto& item : node) {
      if (!Fill(item, left, tree.items.emplace_back())) return false;
    }
  } else if (node.IsMap()) {
    tree.kind = Tree::Kind::kMapping;
    for (const auto& entry : node) {
      auto& [key, value] = tree.entries.emplace_back();
      if (!Fill(entry.first, left, key) || !Fill(entry.second, left, value)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

const Tree* Tree::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.kind == Kind::kScalar && name.text == key) return &value;
  }
  return nullptr;
}

Tree* Tree::Find(std::string_view key) {
  return const_cast<Tree*>(std::as_const(*this).Find(key));
}

bool Tree::Contains(const Tree& part) const {
  if (kind != part.kind) return false;
  if (kind == Kind::kList) {
    return std::equal(
        items.begin(), items.end(), part.items.begin(), part.items.end(),
        [](const Tree& own, const Tree& other) { return own.Contains(other); });
  }
  if (kind == Kind::kMapping) {
    return std::all_of(part.entries.begin(), part.entries.end(),
                       [this](const auto& entry) {
                         const Tree* own = Find(entry.first.text);
                         return own != nullptr && own->Contains(entry.second);
                       });
  }
  return *this == part;
}

Tree TreeOf(const Json& value) {
  Tree tree;
  if (value.is_object()) {
    tree.kind = Tree::Kind::kMapping;
    for (const auto& [key, entry] : value.items()) {
      tree.entries.emplace_back(Scalar("str", key), TreeOf(entry));
    }
  } else if (value.is_array()) {
    tree.kind = Tree::Kind::kList;
    for (const Json& item : value) tree.items.push_back(TreeOf(item));
  } else if (value.is_string()) {
    tree = Scalar("str", value.get<std::string>());
  } else {
    tree = Scalar("?", value.dump());
  }
  return tree;
}

std::optional<Tree> TreeOf(const YAML::Node& node, std::size_t most) {
  Tree tree;
  if (!Fill(node, most, tree)) return std::nullopt;
  return tree;
}

}  // namespace proxymeter::cli
