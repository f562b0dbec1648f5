#include "collector/web/query.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace proxymeter::collector {

const std::string* Query::Find(std::string_view name) {
  const std::string key(name);
  read_[key] = true;
  const auto [first, last] = parameters_.equal_range(key);
  if (first == last) return nullptr;
  if (std::next(first) != last) {
    Fail(name, "given more than once");
    return nullptr;
  }
  if (first->second.size() > kMaxLength) {
    Fail(name, absl::StrCat("longer than ", kMaxLength, " bytes"));
    return nullptr;
  }
  return &first->second;
}

void Query::Fail(std::string_view name, std::string message) {
  if (!error_) error_ = QueryError{std::string(name), std::move(message)};
}

std::string Query::Text(std::string_view name) {
  const std::string* value = Find(name);
  return value != nullptr ? *value : "";
}

std::uint64_t Query::Number(std::string_view name, std::uint64_t fallback,
                            std::uint64_t least, std::uint64_t most) {
  const std::string* value = Find(name);
  if (value == nullptr) return fallback;
  std::uint64_t number = 0;
  // SimpleAtoi would take a sign and spaces.
  if (value->empty() ||
      !std::all_of(value->begin(), value->end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(*value, &number) || number < least || number > most) {
    Fail(name, absl::StrCat("not a whole number from ", least, " to ", most));
    return fallback;
  }
  return number;
}

double Query::Seconds(std::string_view name, double fallback) {
  const std::string* value = Find(name);
  if (value == nullptr) return fallback;
  double number = 0;
  if (!absl::SimpleAtod(*value, &number) || !std::isfinite(number) ||
      number < 0) {
    Fail(name, "not seconds since the Unix epoch");
    return fallback;
  }
  return number;
}

std::string_view Query::Choice(
    std::string_view name, std::initializer_list<std::string_view> choices) {
  const std::string* value = Find(name);
  if (value == nullptr) return *choices.begin();
  const auto* const found = std::find(choices.begin(), choices.end(), *value);
  if (found == choices.end()) {
    Fail(name, absl::StrCat("none of ",
                            absl::StrJoin(std::vector<std::string>(
                                              choices.begin(), choices.end()),
                                          ", ")));
    return *choices.begin();
  }
  return *found;
}

std::optional<QueryError> Query::Finish() {
  for (const auto& [name, value] : parameters_) {
    if (!read_.contains(name)) Fail(name.substr(0, kMaxLength), "unknown");
  }
  return error_;
}

}  // namespace proxymeter::collector
