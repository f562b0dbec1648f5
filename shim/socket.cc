#include "shim/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

#include "shim/kernel.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim {
namespace {

int GetOption(int fd, int level, int option, void* value, socklen_t length) {
  // Not a call that the program would make, and libc's goes past Call.
  if (kernel::silent.load(std::memory_order_relaxed)) return -1;
  const int saved_errno = errno;
  const int result = libc.getsockopt(fd, level, option, value, &length);
  errno = saved_errno;
  return result;
}

// linux/tcp.h has these; glibc's tcp_info of old ends before them.
struct TcpInfo : tcp_info {
  std::uint64_t pacing_rate;
  std::uint64_t max_pacing_rate;
  std::uint64_t bytes_acked;
  std::uint64_t bytes_received;
  std::uint32_t segs_out;
  std::uint32_t segs_in;
  std::uint32_t notsent_bytes;
  std::uint32_t min_rtt;
  std::uint32_t data_segs_in;
  std::uint32_t data_segs_out;
  std::uint64_t delivery_rate;
  std::uint64_t busy_time;
  std::uint64_t rwnd_limited;
  std::uint64_t sndbuf_limited;
  std::uint32_t delivered;
  std::uint32_t delivered_ce;
  std::uint64_t bytes_sent;     // since Linux 4.19
  std::uint64_t bytes_retrans;  // since Linux 4.19
};
static_assert(sizeof(tcp_info) == 104, "the kernel's layout goes on here");

// Closed may mean that the peer's FIN came after ours, or a reset: then one
// unseen byte may be missed, which beats inventing one.
bool MayHaveFin(const TcpInfo& info) {
  return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
         info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_TIME_WAIT ||
         info.tcpi_state == TCP_CLOSE;
}

// The kernel reads the state before it waits for the socket's lock, and the
// counts behind it: a FIN that comes in between is counted and not told. So
// counts without a FIN hold only when the next state knows of none either.
bool AskKernel(int fd, TcpInfo* info) {
  if (GetOption(fd, IPPROTO_TCP, TCP_INFO, info, sizeof(*info)) != 0) {
    return false;
  }
  if (MayHaveFin(*info)) return true;
  TcpInfo later = {};
  if (GetOption(fd, IPPROTO_TCP, TCP_INFO, &later, sizeof(later)) == 0 &&
      MayHaveFin(later)) {
    *info = later;
  }
  return true;
}

KernelFigures KernelFiguresOf(const TcpInfo& info) {
  // A FIN takes a place in the sequence without being a byte.
  const bool fin = MayHaveFin(info);
  return {
      .sent = info.bytes_sent - info.bytes_retrans + info.notsent_bytes,
      .received = info.bytes_received - (fin && info.bytes_received > 0),
      .retransmitted = info.bytes_retrans,
      .rtt_us = info.tcpi_rtt,
  };
}

}  // namespace

bool ReadEndpoint(const sockaddr* address, socklen_t length,
                  Endpoint* endpoint) {
  if (address == nullptr || length < sizeof(sa_family_t)) return false;
  sa_family_t family;
  std::memcpy(&family, address, sizeof(family));
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    std::uint8_t bytes[4];
    std::memcpy(bytes, &v4.sin_addr, sizeof(bytes));
    endpoint->address = MappedIpv4(bytes[0], bytes[1], bytes[2], bytes[3]);
    endpoint->port = ntohs(v4.sin_port);
    return true;
  }
  if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof(v6));
    std::memcpy(endpoint->address.data(), &v6.sin6_addr, 16);
    endpoint->port = ntohs(v6.sin6_port);
    return true;
  }
  return false;
}

int SocketType(int fd) {
  if (kernel::silent.load(std::memory_order_relaxed)) {
    return shim.stream_sockets.Has(fd) ? SOCK_STREAM : -1;
  }
  int type = -1;
  return GetOption(fd, SOL_SOCKET, SO_TYPE, &type, sizeof(type)) == 0 ? type
                                                                      : -1;
}

bool ClosesOnExec(int fd) {
  if (kernel::silent.load(std::memory_order_relaxed)) return false;
  const int saved_errno = errno;
  const int flags = libc.fcntl(fd, F_GETFD);
  errno = saved_errno;
  return flags >= 0 && (flags & FD_CLOEXEC) != 0;
}

SocketIdentity IdentityOf(int fd) {
  SocketIdentity identity;
  GetOption(fd, SOL_SOCKET, SO_COOKIE, &identity.cookie,
            sizeof(identity.cookie));
  identity.may_be_shared = !ClosesOnExec(fd);
  return identity;
}

int SocketError(int fd) {
  int error = 0;
  GetOption(fd, SOL_SOCKET, SO_ERROR, &error, sizeof(error));
  return error;
}

Peer PeerOf(int fd, Endpoint* endpoint) {
  // Sandboxes let a program look at a file; asking one that is no socket for
  // its peer might be its death.
  const int kind = libc.is_socket(fd);
  if (kind < 0) return Peer::kBadDescriptor;
  if (kind == 0) return Peer::kNone;
  sockaddr_storage address;
  socklen_t length = sizeof(address);
  const int error = libc.peer_address(fd, &address, &length);
  if (error == EBADF) return Peer::kBadDescriptor;
  return error == 0 && ReadEndpoint(reinterpret_cast<sockaddr*>(&address),
                                    length, endpoint)
             ? Peer::kInternet
             : Peer::kNone;
}

bool ReadTcpFigures(int fd, TcpFigures* figures) {
  TcpInfo info = {};
  if (!AskKernel(fd, &info)) return false;
  *figures = {info.tcpi_state, KernelFiguresOf(info)};
  return true;
}

}  // namespace proxymeter::shim
