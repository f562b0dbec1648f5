#include "collector/kernel/tcp_socket.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace proxymeter::collector {
namespace {

// Counts of bytes came with Linux 4.19; older kernels send a shorter structure.
constexpr std::size_t kBytesNeeded =
    offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(__u64);

Endpoint ToEndpoint(int family, const __be32 (&address)[4], __be16 port) {
  Endpoint endpoint{.port = ntohs(port)};
  if (family == AF_INET) {
    endpoint.address = MappedIpv4(0, 0, 0, 0);
    std::memcpy(&endpoint.address[12], address, 4);
  } else {
    std::memcpy(endpoint.address.data(), address, endpoint.address.size());
  }
  return endpoint;
}

void ReadCounts(const nlattr* attribute, TcpSocket* socket) {
  const std::size_t length = mnl_attr_get_payload_len(attribute);
  if (length < kBytesNeeded) return;
  tcp_info info{};
  std::memcpy(&info, mnl_attr_get_payload(attribute),
              std::min(length, sizeof info));
  socket->has_counts = true;
  socket->sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
  socket->received = info.tcpi_bytes_received;
  socket->acked = info.tcpi_bytes_acked;
  socket->retransmitted = info.tcpi_bytes_retrans;
  socket->rtt_us = info.tcpi_rtt;
}

}  // namespace

std::optional<TcpSocket> ParseTcpSocket(const nlmsghdr* message) {
  constexpr std::size_t kFixed = MNL_NLMSG_HDRLEN + sizeof(inet_diag_msg);
  if (message->nlmsg_len < kFixed ||
      message->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
    return std::nullopt;
  }
  inet_diag_msg fixed;
  std::memcpy(&fixed, mnl_nlmsg_get_payload(message), sizeof fixed);
  if (fixed.idiag_family != AF_INET && fixed.idiag_family != AF_INET6) {
    return std::nullopt;
  }
  TcpSocket socket{
      .cookie = std::uint64_t{fixed.id.idiag_cookie[1]} << 32 |
                fixed.id.idiag_cookie[0],
      .local = ToEndpoint(fixed.idiag_family, fixed.id.idiag_src,
                          fixed.id.idiag_sport),
      .remote = ToEndpoint(fixed.idiag_family, fixed.id.idiag_dst,
                           fixed.id.idiag_dport),
      .state = static_cast<TcpState>(fixed.idiag_state),
      .inode = fixed.idiag_inode,
      .uid = fixed.idiag_uid,
  };
  // Of a socket that listens the same fields mean connections that wait.
  const bool is_connection = socket.state != TcpState::kListen;
  if (is_connection) socket.unread = fixed.idiag_rqueue;
  std::size_t left = message->nlmsg_len - kFixed;
  const char* at = reinterpret_cast<const char*>(message) + kFixed;
  while (left > 0) {
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    // Takes lengths for int, which the greatest do not fit.
    if (left > INT32_MAX || !mnl_attr_ok(attribute, static_cast<int>(left))) {
      return std::nullopt;
    }
    if (mnl_attr_get_type(attribute) == INET_DIAG_INFO && is_connection) {
      ReadCounts(attribute, &socket);
    }
    // The last one may go without its padding.
    const std::size_t taken =
        std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
    at += taken;
    left -= taken;
  }
  return socket;
}

}  // namespace proxymeter::collector
