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

struct inet_diag_req_v2;
struct mnl_socket;
struct nlmsghdr;

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

/// Needs no privilege: NETLINK_SOCK_DIAG (sock_diag(7)) tells everybody of
/// everybody's sockets. Not thread-safe. What fails may be tried again.
class SocketDump {
 public:
  /// An error where the kernel or its policy does not let us ask.
  static absl::StatusOr<SocketDump> Open();
  SocketDump(SocketDump&&) = default;
  SocketDump& operator=(SocketDump&&) = default;

  /// Calls `visit` for each socket of IPv4 and IPv6 that is in one of `states`,
  /// each once, by its cookie. A dump is no moment: the kernel goes through its
  /// table in pieces, and what comes, goes or changes its state between two of
  /// them may be told or not. One that stays in `states` is told. An error
  /// when it came to no end; some may have been visited by then. `visit` leaves
  /// this object alone.
  absl::Status Visit(std::uint32_t states,
                     absl::FunctionRef<void(const TcpSocket&)> visit);

  /// The connection with just these ends, in any state, TIME_WAIT among them.
  /// Nothing when there is none, when only a socket that listens is at `local`,
  /// and when it is bound to an interface, as those of link-local addresses
  /// are.
  absl::StatusOr<std::optional<TcpSocket>> Find(const Endpoint& local,
                                                const Endpoint& remote);

 private:
  struct CloseSocket {
    void operator()(mnl_socket* socket) const;
  };
  enum class Next { kMore, kEnd };

  SocketDump() = default;

  absl::Status OpenSocket();
  /// Sends the request and gives every message of the answer to `on_message`,
  /// until it says that it was the last.
  absl::Status Ask(const inet_diag_req_v2& request, std::uint16_t flags,
                   absl::FunctionRef<Next(const nlmsghdr*)> on_message);
  absl::Status Receive(absl::FunctionRef<Next(const nlmsghdr*)> on_message);

  std::unique_ptr<char[]> buffer_;
  /// Null after a failure, which may have left an answer half read.
  std::unique_ptr<mnl_socket, CloseSocket> socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_SOCKET_DUMP_H_
