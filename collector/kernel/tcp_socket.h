// What the kernel tells of one TCP socket.
#ifndef PROXYMETER_COLLECTOR_KERNEL_TCP_SOCKET_H_
#define PROXYMETER_COLLECTOR_KERNEL_TCP_SOCKET_H_

#include <cstdint>
#include <optional>

#include "proxymeter/endpoint.h"

struct nlmsghdr;

namespace proxymeter::collector {

/// States as linux/tcp.h and RFC 9293 have them; the values are the kernel's.
enum class TcpState : std::uint8_t {
  kEstablished = 1,
  kSynSent = 2,
  kSynReceived = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClosed = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
  kNewSynReceived = 12,
};

/// One socket as NETLINK_SOCK_DIAG tells of it (sock_diag(7)). IPv4 addresses
/// are mapped, as everywhere.
struct TcpSocket {
  std::uint64_t cookie = 0;  ///< SO_COOKIE
  Endpoint local{};
  Endpoint remote{};
  TcpState state = TcpState::kClosed;
  /// Whether the counts below were told: not of sockets that listen, nor of
  /// those in TIME_WAIT, nor by kernels before 4.19.
  bool has_counts = false;
  std::uint64_t sent = 0;  ///< payload, each byte once
  /// Payload, and one more for a FIN that has arrived.
  std::uint64_t received = 0;
  std::uint64_t acked = 0;  ///< sequence space: SYN, payload, FIN
  std::uint64_t retransmitted = 0;
  /// Sequence space that has arrived and was not read. A FIN is one, until the
  /// end is read or, as a rule, the last byte before it.
  std::uint32_t unread = 0;
  std::uint32_t rtt_us = 0;  ///< smoothed; 0: never measured
  // Only of sockets that are open.
  std::uint32_t inode = 0;
  std::uint32_t uid = 0;
};

/// True when a FIN has arrived at a socket that is open, and is among
/// `received`.
constexpr bool HasFin(const TcpSocket& socket) {
  return socket.received != 0 && (socket.state == TcpState::kCloseWait ||
                                  socket.state == TcpState::kLastAck ||
                                  socket.state == TcpState::kClosing);
}

/// Reads a message of type SOCK_DIAG_BY_FAMILY; nothing when it is another, or
/// is cut short. `message` is in memory for as long as its length says, at
/// least that of the header.
std::optional<TcpSocket> ParseTcpSocket(const nlmsghdr* message);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_TCP_SOCKET_H_
