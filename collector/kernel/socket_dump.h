// Asks the kernel for the TCP sockets of the network namespace.
#ifndef PROXYMETER_COLLECTOR_KERNEL_SOCKET_DUMP_H_
#define PROXYMETER_COLLECTOR_KERNEL_SOCKET_DUMP_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/kernel/tcp_socket.h"

struct mnl_socket;

namespace proxymeter::collector {

/// A set of states, for a dump.
constexpr std::uint32_t StateBit(TcpState state) {
  return 1u << static_cast<unsigned>(state);
}
/// Connections that have an owner, or had one until a moment ago.
inline constexpr std::uint32_t kConnectionStates =
    StateBit(TcpState::kEstablished) | StateBit(TcpState::kSynSent) |
    StateBit(TcpState::kFinWait1) | StateBit(TcpState::kFinWait2) |
    StateBit(TcpState::kCloseWait) | StateBit(TcpState::kLastAck) |
    StateBit(TcpState::kClosing);
inline constexpr std::uint32_t kListening = StateBit(TcpState::kListen);

/// Needs no privilege. Not thread-safe.
class SocketDump {
 public:
  /// An error where the kernel or its policy does not let us ask.
  static absl::StatusOr<SocketDump> Open();
  SocketDump(SocketDump&&) = default;
  SocketDump& operator=(SocketDump&&) = default;

  /// Calls `visit` for each socket of IPv4 and IPv6 that is in one of `states`,
  /// each once. A dump is no moment: what changes meanwhile may be missed. An
  /// error when it came to no end; some may have been visited by then.
  absl::Status Visit(std::uint32_t states,
                     absl::FunctionRef<void(const TcpSocket&)> visit);

  /// The socket with just these ends: a connection in any state, TIME_WAIT
  /// among them. Nothing when there is none.
  absl::StatusOr<std::optional<TcpSocket>> Find(const Endpoint& local,
                                                const Endpoint& remote);

 private:
  struct CloseSocket {
    void operator()(mnl_socket* socket) const;
  };
  explicit SocketDump(mnl_socket* socket) : socket_(socket) {}

  std::unique_ptr<mnl_socket, CloseSocket> socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_SOCKET_DUMP_H_
