// What the parsers of HTTP/2 (RFC 9113) share.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proxymeter::protocol {

enum class Http2Event : std::uint8_t {
  kNone,      ///< everything consumed, nothing happened
  kRequest,   ///< a request's header block is complete
  kPush,      ///< the server promises the answer to a request of its own making
  kInterim,   ///< an interim (1xx) response's header block is complete
  kResponse,  ///< the final response's is
  kTrailers,  ///< a header block behind the content is complete
  kData,      ///< a piece of what a CONNECT stream carries
  kEnd,       ///< this side has said all that it says on a stream
  kReset,     ///< this side gives up a stream (RST_STREAM)
  kGoaway,    ///< this side announces the end of the connection
  /// A response begins whose request has not been parsed yet: the thread that
  /// sent it may not have come to that. Its header block comes next.
  kAwaited,
  kLost,  ///< this is no HTTP/2, or its framing cannot be trusted
};

/// What one call did: how many bytes it took, up to and including the event.
struct Http2Step {
  std::size_t consumed;
  Http2Event event;
};

/// Why a parser is lost.
enum class Http2Loss : std::uint8_t {
  kNone,
  kNoPreface,  ///< other first bytes: seen from the middle on, or not HTTP/2
  kFraming,    ///< a frame that no peer accepts
  kHeaders,    ///< a header block that cannot be decoded, or is too long
  kMemory,     ///< no room for the table that header blocks refer to
};

enum class Http2Speaker : std::uint8_t { kClient, kServer };

/// What a client sends first (RFC 9113, 3.4).
inline constexpr std::string_view kHttp2Preface =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_H_
