// Memory for the parsers of HTTP/2, which few connections need.
#ifndef PROXYMETER_SHIM_CONNECTION_HTTP2_SESSIONS_H_
#define PROXYMETER_SHIM_CONNECTION_HTTP2_SESSIONS_H_

#include <atomic>
#include <cstdint>

#include "shim/connection/http2_tunnels.h"
#include "shim/protocol/http2_side.h"

namespace proxymeter::shim {

/// Each is a mapping of its own, half a megabyte of addresses of which some
/// pages are used (three or four, while header tables have their usual size).
/// Unlike a slab's, it goes back when its connection ends: whoever looks at it
/// holds a reference to the connection.
class Http2Sessions {
 public:
  static constexpr std::uint32_t kMost = 1024;

  constexpr Http2Sessions() = default;

  /// Begun; null when there are too many, or no memory.
  protocol::Http2Session* Take();
  /// Room for tunnels beside `session`, not used before.
  static Http2Tunnels* NewTunnels(protocol::Http2Session* session);
  /// Takes null too.
  void GiveBack(protocol::Http2Session* session);

 private:
  std::atomic<std::uint32_t> taken_{0};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_HTTP2_SESSIONS_H_
