// What the request and the response parser of HTTP/1 (RFC 9112) share.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP1_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP1_H_

#include <cstddef>
#include <cstdint>

namespace proxymeter::protocol {

enum class Http1Event : std::uint8_t {
  kNone,           ///< everything consumed, nothing happened
  kHead,           ///< a head is complete
  kInformational,  ///< an interim (1xx) head is complete; the message goes on
  kMessageEnd,     ///< the body is complete, or there is none
  kLost,           ///< this is no HTTP/1, or its framing cannot be trusted
};

/// What one call did: how many bytes it took, up to and including the event.
struct Http1Step {
  std::size_t consumed;
  Http1Event event;
};

/// The methods that change how a response is framed (RFC 9112, 6.3).
enum class Method : std::uint8_t { kOther, kHead, kConnect };

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP1_H_
