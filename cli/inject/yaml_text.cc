#include "cli/inject/yaml_text.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace proxymeter::cli {
namespace {

constexpr int kStep = 2;

// Words that some version of YAML takes for something else, in lower case.
constexpr std::array<std::string_view, 9> kWords = {
    "null", "true", "false", "yes", "no", "on", "off", "y", "n"};

std::string Lines(const std::string& text, int indent) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    out += std::string(indent, ' ') + text.substr(begin, end - begin) + '\n';
    begin = end + 1;
  }
  return out;
}

// Strings that need no quotes, by a rule that is easy to check.
bool IsPlainString(std::string_view text) {
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto is_inner = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-';
  };
  return !text.empty() && (is_letter(text[0]) || text[0] == '/') &&
         std::all_of(text.begin(), text.end(), is_inner) && !IsYamlWord(text);
}

// What stands behind "key:" or "-", with the end of the line.
std::string Value(const Json& value, int indent) {
  if (value.is_structured() && !value.empty()) {
    return "\n" + BlockYaml(value, indent + kStep);
  }
  if (!value.is_string()) return " " + value.dump() + "\n";
  const auto& text = value.get_ref<const std::string&>();
  if (text.ends_with('\n')) return " |\n" + Lines(text, indent + kStep);
  return " " + (IsPlainString(text) ? text : value.dump()) + "\n";
}

}  // namespace

bool IsYamlWord(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string BlockYaml(const Json& value, int indent) {
  const std::string margin(indent, ' ');
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, entry] : value.items()) {
      out += margin + (IsPlainString(key) ? key : Json(key).dump()) + ":" +
             Value(entry, indent);
    }
    return out;
  }
  for (const Json& item : value) {
    if (item.is_object() && !item.empty()) {
      std::string block = BlockYaml(item, indent + kStep);
      block[indent] = '-';
      out += block;
    } else {
      out += margin + "-" + Value(item, indent);
    }
  }
  return out;
}

}  // namespace proxymeter::cli
