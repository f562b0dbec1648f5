#include "cli/human_units.h"

#include <array>
#include <cmath>
#include <iterator>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "proxymeter/journal.h"

namespace proxymeter::cli {

std::string HumanBytes(double bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  bytes = std::round(bytes);
  size_t unit = 0;
  // 999.5 would be printed as 1000 of its unit.
  while (bytes >= (unit == 0 ? 1000 : 999.5) && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  int decimals = 0;
  if (unit > 0) decimals = bytes < 9.995 ? 2 : bytes < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, bytes, kUnits[unit]);
}

std::string HumanRate(double per_second) {
  if (per_second == 0) return "0";
  int decimals = 0;
  if (per_second < 99.95) decimals = per_second < 9.995 ? 2 : 1;
  return absl::StrFormat("%.*f", decimals, per_second);
}

std::string HumanDuration(std::uint64_t seconds) {
  const std::uint64_t minutes = seconds / 60;
  const std::uint64_t hours = minutes / 60;
  if (minutes == 0) return absl::StrFormat("%ds", seconds);
  if (hours == 0) return absl::StrFormat("%dm%02ds", minutes, seconds % 60);
  if (hours < 24) return absl::StrFormat("%dh%02dm", hours, minutes % 60);
  return absl::StrFormat("%dd%02dh", hours / 24, hours % 24);
}

std::string HumanSeconds(double seconds) {
  if (std::isinf(seconds)) {
    constexpr auto kLast = kDurationBounds[std::size(kDurationBounds) - 1];
    return absl::StrFormat(">%ds", kLast / 1'000'000);
  }
  if (seconds < 0.9995) {
    return absl::StrFormat("%.*fms", seconds < 0.00995 ? 1 : 0, seconds * 1e3);
  }
  return absl::StrFormat("%.*fs", seconds < 9.95 ? 1 : 0, seconds);
}

std::string UtcTime(std::uint64_t unix_ns) {
  const auto seconds = static_cast<std::int64_t>(unix_ns / 1'000'000'000);
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

std::string Printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c <= 0x20 || c > 0x7e) c = '?';
  }
  return result;
}

}  // namespace proxymeter::cli
