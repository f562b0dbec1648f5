// What a proxy's reply says of the proxy.
#ifndef PROXYMETER_SHIM_PROTOCOL_PROXY_REPLY_H_
#define PROXYMETER_SHIM_PROTOCOL_PROXY_REPLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxymeter/proxy_error.h"

namespace proxymeter::protocol {

/// The words of a response's head that may tell why a proxy failed: its reason
/// phrase, Proxy-Status (RFC 9209) and vendors' own error headers. In lower
/// case, joined, cut off where there is no more room.
class ProxyWords {
 public:
  enum class Source : std::uint8_t { kReason, kProxyStatus, kVendor };

  /// The source that a header field of this name (in lower case) is.
  static std::optional<Source> SourceOf(std::string_view field_name);

  void Clear() { *this = {}; }
  /// What is appended next is of this source.
  void Begin(Source source);
  void Append(std::uint8_t byte);

  bool has(Source source) const {
    return (sources_ & (1u << static_cast<unsigned>(source))) != 0;
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  static constexpr std::size_t kCapacity = 126;

  std::array<char, kCapacity> text_{};
  std::uint8_t size_ = 0;
  std::uint8_t sources_ = 0;
};

/// Who may have written a response, as far as the way to it tells.
enum class ReplyTo : std::uint8_t {
  kConnect,  ///< a CONNECT: the proxy did
  kRequest,  ///< a request to a proxy: it did, or passed the destination's on
  kInside,   ///< a request inside a tunnel: the destination, if the tunnel is
             ///< not the vendor's own end of TLS
};

/// The error that a final response with this status is of the proxy; none when
/// it is not the proxy's, or no error.
std::optional<ProxyError> ErrorOfReply(ReplyTo to, int status,
                                       const ProxyWords& words);

/// The same for the reply code of SOCKS `version` 4 or 5, as SocksServerParser
/// has it.
std::optional<ProxyError> ErrorOfSocksReply(int version, std::uint8_t code);

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_PROXY_REPLY_H_
