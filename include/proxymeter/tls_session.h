// What is known of a TLS session from outside: the code of its row.
#ifndef PROXYMETER_TLS_SESSION_H_
#define PROXYMETER_TLS_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace proxymeter {

/// What client and server agreed on.
enum class TlsVersion : std::uint8_t {
  kUnknown = 0,  ///< the ServerHello was not seen, or not understood
  kTls10 = 1,    ///< RFC 2246
  kTls11 = 2,    ///< RFC 4346
  kTls12 = 3,    ///< RFC 5246
  kTls13 = 4,    ///< RFC 8446
  // TLS 1.3 inside QUIC (RFC 9000, RFC 9369), by the client's offer.
  kQuic1 = 5,
  kQuic2 = 6,
  kQuicOther = 7,
};
inline constexpr std::uint8_t kLastTlsVersion = 7;

/// Application protocol by ALPN (RFC 7301). TLS 1.3 encrypts the server's
/// choice; where there was one thing to choose, it is known all the same.
enum class Alpn : std::uint8_t {
  kNone = 0,    ///< not offered, or not taken up
  kHttp1 = 1,   ///< http/1.1
  kHttp2 = 2,   ///< h2
  kOther = 3,   ///< something else
  kHidden = 4,  ///< one of several that were offered
  kHttp3 = 5,   ///< h3
};
inline constexpr std::uint8_t kLastAlpn = 5;

/// Code of the session's row.
constexpr std::uint16_t TlsSessionCode(TlsVersion version, Alpn alpn) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(version) << 8 |
                                    static_cast<unsigned>(alpn));
}
constexpr bool IsTlsSessionCode(std::uint16_t code) {
  return code >> 8 <= kLastTlsVersion && (code & 0xff) <= kLastAlpn;
}
/// The two, of a code that is one.
constexpr TlsVersion VersionOf(std::uint16_t code) {
  return static_cast<TlsVersion>(code >> 8);
}
constexpr Alpn AlpnOf(std::uint16_t code) {
  return static_cast<Alpn>(code & 0xff);
}

/// Label values, as they stand in metrics and on screens.
constexpr std::string_view Name(TlsVersion version) {
  constexpr std::string_view kNames[] = {
      "unknown", "1.0", "1.1", "1.2", "1.3", "quic/1", "quic/2", "quic/other"};
  static_assert(std::size(kNames) == kLastTlsVersion + 1);
  return kNames[static_cast<std::size_t>(version)];
}
constexpr std::string_view Name(Alpn alpn) {
  constexpr std::string_view kNames[] = {"none",  "http/1.1", "h2",
                                         "other", "hidden",   "h3"};
  static_assert(std::size(kNames) == kLastAlpn + 1);
  return kNames[static_cast<std::size_t>(alpn)];
}

}  // namespace proxymeter

#endif  // PROXYMETER_TLS_SESSION_H_
