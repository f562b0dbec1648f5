// Why a proxy did not do its part: the reasons of proxy errors.
#ifndef PROXYMETER_PROXY_ERROR_H_
#define PROXYMETER_PROXY_ERROR_H_

#include <cstdint>
#include <string_view>

namespace proxymeter {

/// The code of a row of kind kProxyError. Values are never given another
/// meaning. What a proxy says of itself in an answer to CONNECT or SOCKS, in
/// Proxy-Status (RFC 9209, 2.3) or in a vendor's own header; and what became of
/// connections to it. A destination's own status codes are no proxy errors.
enum class ProxyError : std::uint8_t {
  // Of the connection to the proxy.
  kConnectRefused = 0,
  kConnectTimedOut = 1,
  kConnectFailed = 2,
  kClosedBeforeResponse = 3,  ///< by the proxy, with a request unanswered
  kClosedInResponse = 4,      ///< by the proxy, before the response's end
  // What the proxy thinks of its customer.
  kAuthentication = 5,  ///< 407; SOCKS: no method, or a wrong password
  kQuota = 6,           ///< traffic or balance is used up: 402, some 407s
  kRateLimited = 7,     ///< 429; proxy_connection_limit_reached
  kDenied = 8,          ///< 403; SOCKS5 2, SOCKS4 91
  kBadRequest = 9,      ///< 400 and other 4xx to CONNECT
  // What it met on the way.
  kDns = 10,                     ///< the name was not found or not answered
  kDestinationUnavailable = 11,  ///< no route, nobody there; SOCKS5 3, 4
  kDestinationRefused = 12,      ///< the destination refused; SOCKS5 5
  kDestinationTimedOut = 13,     ///< 504, 522; SOCKS5 6
  kDestinationTls = 14,          ///< TLS failed behind the proxy: 525
  kDestinationClosed = 15,       ///< the destination broke off
  kDestinationResponse = 16,     ///< the destination's answer was no HTTP
  // The proxy itself.
  kBadGateway = 17,   ///< 502 without a reason
  kUnavailable = 18,  ///< 503; no peer free
  kInternal = 19,     ///< 500 and other 5xx; SOCKS5 1
  kUnsupported = 20,  ///< a command or address type; SOCKS5 7, 8; 501
  kOther = 21,        ///< said to be one, for a reason not known here
};
inline constexpr std::uint8_t kLastProxyError = 21;

/// The label `reason`.
constexpr std::string_view Name(ProxyError error) {
  constexpr std::string_view kNames[] = {
      "connect_refused",
      "connect_timed_out",
      "connect_failed",
      "closed_before_response",
      "closed_in_response",
      "authentication",
      "quota",
      "rate_limited",
      "denied",
      "bad_request",
      "dns",
      "destination_unavailable",
      "destination_refused",
      "destination_timed_out",
      "destination_tls",
      "destination_closed",
      "destination_response",
      "bad_gateway",
      "unavailable",
      "internal",
      "unsupported",
      "other",
  };
  return kNames[static_cast<std::size_t>(error)];
}

}  // namespace proxymeter

#endif  // PROXYMETER_PROXY_ERROR_H_
