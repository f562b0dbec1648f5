// The parameters of a question to the JSON API.
#ifndef PROXYMETER_COLLECTOR_WEB_QUERY_H_
#define PROXYMETER_COLLECTOR_WEB_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace proxymeter::collector {

/// What is wrong with a question.
struct QueryError {
  std::string parameter;  ///< empty when none is
  std::string message;
};

/// Reads parameters one after the other and remembers the first mistake; what
/// is wrong reads as the default. Finish() after the last.
class Query {
 public:
  using Parameters = std::multimap<std::string, std::string>;

  /// Longer values are mistakes.
  static constexpr std::size_t kMaxLength = 255;

  explicit Query(const Parameters& parameters) : parameters_(parameters) {}

  std::string Text(std::string_view name);
  /// Decimal digits, from `least` to `most`.
  std::uint64_t Number(std::string_view name, std::uint64_t fallback,
                       std::uint64_t least, std::uint64_t most);
  /// Seconds since the Unix epoch, with a fraction or without.
  double Seconds(std::string_view name, double fallback);
  /// One of `choices`; the first is the default.
  std::string_view Choice(std::string_view name,
                          std::initializer_list<std::string_view> choices);

  /// The first mistake: of what was read, then whatever nobody asked for.
  std::optional<QueryError> Finish();

 private:
  const std::string* Find(std::string_view name);
  void Fail(std::string_view name, std::string message);

  const Parameters& parameters_;
  std::map<std::string, bool, std::less<>> read_;
  std::optional<QueryError> error_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_QUERY_H_
