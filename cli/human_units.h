// Figures for people.
#ifndef PROXYMETER_CLI_HUMAN_UNITS_H_
#define PROXYMETER_CLI_HUMAN_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace proxymeter::cli {

/// "999 B", "1.50 kB", "12.3 MB": powers of 1000, as vendors bill; three
/// digits, rounded to nearest.
std::string HumanBytes(double bytes);

/// "0", "0.25", "12.3", "1234": two decimals at most, none from 100.
std::string HumanRate(double per_second);

/// "42s", "5m03s", "2h07m", "3d04h".
std::string HumanDuration(std::uint64_t seconds);

/// "0.8ms", "12ms", "1.5s", "42s"; ">60s" for infinity: the last bound of
/// durations that are counted.
std::string HumanSeconds(double seconds);

/// RFC 3339 in UTC, whole seconds: "2024-02-29T23:59:59Z".
std::string UtcTime(std::uint64_t unix_ns);

/// `text` with every space and byte outside printable ASCII made '?': label
/// values come from the network and must not steer a terminal or break a line.
std::string Printable(std::string_view text);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_HUMAN_UNITS_H_
