// A TCP endpoint, and whether reaching it leaves the cluster.
#ifndef PROXYMETER_ENDPOINT_H_
#define PROXYMETER_ENDPOINT_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace proxymeter {

/// An IPv6 address in network byte order; IPv4 as ::ffff:a.b.c.d
/// (RFC 4291, 2.5.5.2), so that a v4 socket and a dual-stack one compare equal.
using Address = std::array<std::uint8_t, 16>;

struct Endpoint {
  Address address{};
  std::uint16_t port = 0;  ///< host byte order
};

constexpr bool IsIpv4(const Address& address) {
  if (std::is_constant_evaluated()) {
    for (int i = 0; i < 10; ++i) {
      if (address[i] != 0) return false;
    }
    return address[10] == 0xff && address[11] == 0xff;
  }
  // In words: look-ups ask more than once.
  constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0,    0,
                                                    0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kPrefix.data(), kPrefix.size()) == 0;
}

constexpr Address MappedIpv4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                             std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

/// False for addresses that stay on the machine, the link or the private
/// network: loopback, link-local, RFC 1918, RFC 6598 (shared), RFC 4193
/// (unique local), unspecified, multicast and reserved (IPv4 from 224.0.0.0).
constexpr bool LeavesCluster(const Address& address) {
  if (IsIpv4(address)) {
    const std::uint8_t a = address[12];
    const std::uint8_t b = address[13];
    if (a == 0 || a == 10 || a == 127 || a >= 224) return false;
    if (a == 100 && (b & 0xc0) == 64) return false;
    if (a == 169 && b == 254) return false;
    if (a == 172 && (b & 0xf0) == 16) return false;
    return !(a == 192 && b == 168);
  }
  if (address[0] == 0xff) return false;
  if ((address[0] & 0xfe) == 0xfc) return false;
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) return false;
  // Only 2000::/3 is global unicast; ::1 and :: fall out here too.
  return (address[0] & 0xe0) == 0x20;
}

}  // namespace proxymeter

#endif  // PROXYMETER_ENDPOINT_H_
