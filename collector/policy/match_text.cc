#include "collector/policy/match_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <system_error>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr int kMappedBits = 96;
constexpr std::size_t kMaxLabelLength = 63;  // RFC 1035, 2.3.4

absl::Status Refuse(std::string_view text, std::string_view reason) {
  return absl::InvalidArgumentError(fmt::format("'{}' {}", text, reason));
}

absl::Status RefuseHost(std::string_view text, std::string_view reason) {
  return Refuse(text, fmt::format("is not a host name: {}", reason));
}

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// Decimal without sign or leading zeros: YAML reads 010 as 8, people as 10.
std::optional<int> PlainNumber(std::string_view text) {
  int value = 0;
  if (!AllDigits(text) || (text.size() > 1 && text[0] == '0') ||
      std::from_chars(text.data(), text.data() + text.size(), value).ec !=
          std::errc()) {
    return std::nullopt;
  }
  return value;
}

Address ClearedBelow(Address address, int prefix) {
  for (int bit = prefix; bit < 128; ++bit) {
    address[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
  }
  return address;
}

std::string_view Stripped(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

absl::uint128 NumberOf(const Address& address) {
  absl::uint128 number = 0;
  for (const std::uint8_t byte : address) number = number << 8 | byte;
  return number;
}

Address AddressOf(absl::uint128 number) {
  Address address;
  for (int i = 15; i >= 0; --i, number >>= 8) {
    address[i] = static_cast<std::uint8_t>(number & 0xff);
  }
  return address;
}

int TrailingZeros(absl::uint128 number) {
  const std::uint64_t low = absl::Uint128Low64(number);
  return low != 0 ? std::countr_zero(low)
                  : 64 + std::countr_zero(absl::Uint128High64(number));
}

absl::uint128 LowBits(int count) {
  return count == 128 ? absl::Uint128Max() : (absl::uint128(1) << count) - 1;
}

std::string CharacterHint(char c) {
  switch (c) {
    case ':':
      return " (ports go into 'port')";
    case '/':
      return " (networks go into 'cidr')";
    case '*':
      return " (only a leading '*.' is a wildcard)";
    default:
      return "";
  }
}

}  // namespace

std::optional<Cidr> ParseAddress(std::string_view text) {
  const std::string copy(text);
  // inet_pton would stop at a NUL inside the text.
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 4> v4;
  if (inet_pton(AF_INET, copy.c_str(), v4.data()) == 1) {
    return Cidr{MappedIpv4(v4[0], v4[1], v4[2], v4[3]), 128};
  }
  Cidr cidr{{}, 128};
  if (inet_pton(AF_INET6, copy.c_str(), cidr.network.data()) == 1) return cidr;
  return std::nullopt;
}

absl::StatusOr<HostPattern> ParseHost(std::string_view text) {
  HostPattern pattern;
  std::string_view name = text;
  if (name.substr(0, 2) == "*.") {
    pattern.suffix = true;
    name.remove_prefix(2);
  }
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty()) return RefuseHost(text, "it is empty");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.') continue;
    if (byte >= 0x80) {
      return RefuseHost(text, "write international names in their xn-- form");
    }
    if (!absl::ascii_isprint(byte) || c == ' ') {
      return RefuseHost(text, "it holds a space or control character");
    }
    return RefuseHost(
        text, fmt::format("'{}' is not allowed{}", c, CharacterHint(c)));
  }
  if (name.size() > kMaxHostLength) {
    return RefuseHost(text, fmt::format("over {} characters", kMaxHostLength));
  }
  std::string_view label;
  for (std::size_t start = 0; start <= name.size(); start += label.size() + 1) {
    label = name.substr(start, name.find('.', start) - start);
    if (label.empty()) return RefuseHost(text, "an empty label");
    if (label.size() > kMaxLabelLength) {
      return RefuseHost(
          text, fmt::format("a label over {} characters", kMaxLabelLength));
    }
  }
  // No top-level domain is a number (RFC 3696, 2): a mistyped address.
  if (AllDigits(label)) {
    return RefuseHost(text, "the last label is a number, and it is no address");
  }
  pattern.name = absl::AsciiStrToLower(std::string(name));
  return pattern;
}

absl::StatusOr<Cidr> ParseCidr(std::string_view text) {
  const auto refuse = [text](std::string_view reason) {
    return Refuse(text, fmt::format("is not a CIDR: {}", reason));
  };
  const std::size_t slash = text.find('/');
  const std::optional<Cidr> address = ParseAddress(text.substr(0, slash));
  if (!address.has_value()) return refuse("no IPv4 or IPv6 address");
  const bool dotted = text.find(':') == std::string_view::npos;
  const int widest = dotted ? 32 : 128;
  if (slash == std::string_view::npos) {
    return refuse(fmt::format("no prefix length ({}/{} is the address alone)",
                              text, widest));
  }
  const std::string_view digits = text.substr(slash + 1);
  if (!AllDigits(digits)) return refuse("the prefix length is no number");
  const std::optional<int> length = PlainNumber(digits);
  if (!length.has_value() && digits[0] == '0') {
    return refuse("the prefix length has leading zeros");
  }
  if (!length.has_value() || *length > widest) {
    return refuse(fmt::format("prefix length over {}", widest));
  }
  const int prefix = dotted ? *length + kMappedBits : *length;
  Cidr cidr{ClearedBelow(address->network, prefix),
            static_cast<std::uint8_t>(prefix)};
  if (cidr.network != address->network) {
    return refuse(fmt::format(
        "bits are set beyond the prefix; the network is {}", FormatCidr(cidr)));
  }
  return cidr;
}

absl::StatusOr<std::vector<Cidr>> ParseRange(std::string_view text) {
  const auto refuse = [text](std::string_view reason) {
    return Refuse(text, fmt::format("is not an address range: {}", reason));
  };
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    return refuse("two addresses joined by '-' are expected");
  }
  const std::optional<Cidr> from = ParseAddress(Stripped(text.substr(0, dash)));
  const std::optional<Cidr> to = ParseAddress(Stripped(text.substr(dash + 1)));
  if (!from.has_value() || !to.has_value()) {
    return refuse("no IPv4 or IPv6 address on each side of '-'");
  }
  const Address first = from->network;
  const Address last = to->network;
  if (IsIpv4(first) != IsIpv4(last)) {
    return refuse("one end is an IPv4 address, the other IPv6");
  }
  if (last < first) return refuse("it ends below its start");
  const absl::uint128 end = NumberOf(last);
  absl::uint128 at = NumberOf(first);
  std::vector<Cidr> cidrs;
  for (;;) {
    // The largest network that begins here and does not reach beyond the end.
    int bits = TrailingZeros(at);
    while (bits > 0 && end - at < LowBits(bits)) --bits;
    const Cidr cidr{AddressOf(at), static_cast<std::uint8_t>(128 - bits)};
    // Mapped addresses amid IPv6 are IPv4, for which no IPv6 rule holds.
    if (IsIpv4(cidr.network) == IsIpv4(first)) cidrs.push_back(cidr);
    at = NumberOf(LastAddress(cidr));
    if (at == end) return cidrs;
    ++at;
  }
}

absl::StatusOr<PortRange> ParsePorts(std::string_view text) {
  const std::size_t dash = text.find('-');
  const bool range = dash != std::string_view::npos;
  const std::optional<int> first = PlainNumber(text.substr(0, dash));
  const std::optional<int> last =
      range ? PlainNumber(text.substr(dash + 1)) : first;
  const auto valid = [](std::optional<int> port) {
    return port.has_value() && *port >= 1 && *port <= 65535;
  };
  if (!valid(first) || !valid(last)) {
    return Refuse(text, range ? "is not a port range: two numbers from 1 to "
                                "65535 joined by '-' are expected"
                              : "is not a port: a number from 1 to 65535 is "
                                "expected");
  }
  if (*last < *first) {
    return Refuse(text, "is not a port range: it ends below its start");
  }
  return PortRange{static_cast<std::uint16_t>(*first),
                   static_cast<std::uint16_t>(*last)};
}

Address LastAddress(const Cidr& cidr) {
  Address last = cidr.network;
  for (int bit = cidr.prefix; bit < 128; ++bit) {
    last[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
  }
  return last;
}

bool Contains(const Cidr& outer, const Cidr& inner) {
  return IsIpv4(outer.network) == IsIpv4(inner.network) &&
         outer.prefix <= inner.prefix &&
         ClearedBelow(inner.network, outer.prefix) == outer.network;
}

std::vector<PortRange> MergePorts(std::vector<PortRange> ports) {
  std::sort(ports.begin(), ports.end(),
            [](const PortRange& a, const PortRange& b) {
              return std::pair(a.first, a.last) < std::pair(b.first, b.last);
            });
  std::vector<PortRange> merged;
  for (const PortRange& range : ports) {
    if (!merged.empty() && range.first <= int{merged.back().last} + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

std::string FormatCidr(const Cidr& cidr) {
  char text[INET6_ADDRSTRLEN];
  if (IsIpv4(cidr.network)) {
    inet_ntop(AF_INET, cidr.network.data() + 12, text, sizeof(text));
    return fmt::format("{}/{}", text, cidr.prefix - kMappedBits);
  }
  inet_ntop(AF_INET6, cidr.network.data(), text, sizeof(text));
  return fmt::format("{}/{}", text, cidr.prefix);
}

std::string FormatPorts(const std::vector<PortRange>& ports) {
  std::string text;
  for (const PortRange& range : ports) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", range.first);
    if (range.last != range.first) text += fmt::format("-{}", range.last);
  }
  return text;
}

}  // namespace proxymeter::collector
