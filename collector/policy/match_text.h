// Host patterns, networks and ports as people write them.
// Errors are InvalidArgument; their messages begin with the text in quotes and
// leave the place in the file to the caller.
#ifndef PROXYMETER_COLLECTOR_POLICY_MATCH_TEXT_H_
#define PROXYMETER_COLLECTOR_POLICY_MATCH_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

struct HostPattern {
  std::string name;     ///< lower case, no trailing dot, without "*."
  bool suffix = false;  ///< names below `name`, instead of `name` itself

  friend bool operator==(const HostPattern&, const HostPattern&) = default;
};

/// A network without host bits. IPv4 and IPv4-mapped networks are kept mapped:
/// IsIpv4(network) and a prefix of 96 or more.
struct Cidr {
  Address network{};
  std::uint8_t prefix = 0;  ///< bits of `network` that count, 0 to 128

  friend bool operator==(const Cidr&, const Cidr&) = default;
};

/// Inclusive, 1 to 65535.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// An address literal, IPv4 or IPv6 without brackets or zone, as the network of
/// that address alone; nothing when `text` is none.
std::optional<Cidr> ParseAddress(std::string_view text);

/// "gw.example.com" or "*.example.com".
absl::StatusOr<HostPattern> ParseHost(std::string_view text);

/// "203.0.113.0/24" or "2001:db8::/32".
absl::StatusOr<Cidr> ParseCidr(std::string_view text);

/// "203.0.113.7-203.0.113.90" or "2001:db8::-2001:db8::ffff", both ends
/// included: the fewest networks that hold these addresses and no others, in
/// ascending order, 254 at most.
absl::StatusOr<std::vector<Cidr>> ParseRange(std::string_view text);

/// "8080" or "7000-7999".
absl::StatusOr<PortRange> ParsePorts(std::string_view text);

/// Last address of a network.
Address LastAddress(const Cidr& cidr);

/// Whether every address of `inner` lies in `outer`. IPv4 lies in IPv4 only.
bool Contains(const Cidr& outer, const Cidr& inner);

/// Sorts ranges and merges those that overlap or touch.
std::vector<PortRange> MergePorts(std::vector<PortRange> ports);

/// The shortest usual form: "203.0.113.0/24"; an IPv4-mapped one as IPv4.
std::string FormatCidr(const Cidr& cidr);

/// "80" or "7000-7999", several separated by commas.
std::string FormatPorts(const std::vector<PortRange>& ports);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_MATCH_TEXT_H_
