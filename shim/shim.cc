#include "shim/shim.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>

#include <cstring>
#include <type_traits>

#include "shim/libc.h"

namespace proxymeter::shim {

constinit Shim shim;
static_assert(std::is_trivially_destructible_v<Shim>);

namespace {

using protocol::Bytes;

Bytes View(const void* buffer, std::size_t size) {
  return {static_cast<const std::uint8_t*>(buffer), size};
}

bool ReadEndpoint(const sockaddr* address, socklen_t length,
                  Endpoint* endpoint) {
  // sockaddr comes from the application, of any alignment.
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

int GetOption(int fd, int level, int option, void* value, socklen_t length) {
  const int saved_errno = errno;
  const int result = libc.getsockopt(fd, level, option, value, &length);
  errno = saved_errno;
  return result;
}

bool IsStream(int fd) {
  int type = 0;
  return GetOption(fd, SOL_SOCKET, SO_TYPE, &type, sizeof(type)) == 0 &&
         type == SOCK_STREAM;
}

// How a connection that never moved a byte got on, asked while its descriptor
// is still open.
void SettleConnecting(int fd, const tcp_info& info, Connection* connection) {
  if (info.tcpi_state == TCP_SYN_SENT) return;  // abandoned
  if (info.tcpi_state != TCP_CLOSE) {
    connection->Established();
    return;
  }
  int error = 0;
  GetOption(fd, SOL_SOCKET, SO_ERROR, &error, sizeof(error));
  // Closed, and the reason already read by somebody else: failed all the same.
  connection->ConnectFailed(error);
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

KernelFigures KernelFiguresOf(const TcpInfo& info) {
  // A FIN takes a place in the sequence without being a byte. Closed may mean
  // that it came after ours, or a reset: then one unseen byte may be missed,
  // which beats inventing one.
  const bool fin =
      info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
      info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_TIME_WAIT ||
      info.tcpi_state == TCP_CLOSE;
  return {
      .sent = info.bytes_sent - info.bytes_retrans + info.notsent_bytes,
      .received = info.bytes_received - (fin && info.bytes_received > 0),
      .retransmitted = info.bytes_retrans,
      .rtt_us = info.tcpi_rtt,
  };
}

// Hands each piece of a vector to `report`, up to `size` bytes in all.
template <typename Report>
void ForEachPiece(const iovec* vector, std::size_t count, std::size_t size,
                  Report report) {
  for (std::size_t i = 0; i < count && size > 0; ++i) {
    const std::size_t piece =
        vector[i].iov_len < size ? vector[i].iov_len : size;
    if (piece != 0) report(View(vector[i].iov_base, piece));
    size -= piece;
  }
}

}  // namespace

void Initialise() {
  shim.process.Initialise();
  shim.environment.Read();
  ResolveLibc();
}

void ReportSent(int fd, const void* buffer, std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  shim.uplink.Tick(connection->socket_stream()->Sent(View(buffer, size)));
}

void ReportReceived(int fd, const void* buffer, std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  shim.uplink.Tick(connection->socket_stream()->Received(View(buffer, size)));
}

void ReportSent(int fd, const iovec* vector, std::size_t count,
                std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  ForEachPiece(vector, count, size,
               [&](Bytes piece) { connection->socket_stream()->Sent(piece); });
  shim.uplink.Tick();
}

void ReportReceived(int fd, const iovec* vector, std::size_t count,
                    std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  ForEachPiece(vector, count, size, [&](Bytes piece) {
    connection->socket_stream()->Received(piece);
  });
  shim.uplink.Tick();
}

void ReportReceivedUnseen(int fd, std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  connection->socket_stream()->ReceivedUnseen(size);
  shim.uplink.Tick();
}

void ReportSentUnseen(int fd, std::size_t size) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  connection->socket_stream()->SentUnseen(size);
  shim.uplink.Tick();
}

void ReportConnect(int fd, const sockaddr* address, socklen_t length,
                   int error) {
  Endpoint endpoint;
  if (!ReadEndpoint(address, length, &endpoint)) {
    // AF_UNSPEC dissolves a connection; others are not ours.
    if (error == 0) ReportCreated(fd);
    return;
  }
  const bool begun = error == 0 || error == EINPROGRESS || error == EINTR;
  if (const auto connection = shim.connections.Acquire(fd)) {
    if (connection->connecting()) {
      // Asked again about a connection under way.
      if (error == 0 || error == EISCONN) {
        connection->Established();
      } else if (!begun && error != EALREADY) {
        connection->ConnectFailed(error);
      }
      shim.uplink.Tick();
      return;
    }
    if (!begun) return;
  }
  // A socket whose first attempt failed may try another proxy.
  ReportCreated(fd);
  const Path& directory = shim.environment.directory();
  const PolicyMap::Change change =
      shim.attribution.policy().Refresh(directory, shim.process.generation());
  const VendorName vendor = shim.attribution.Classify(endpoint);
  if (!vendor.metered() || !IsStream(fd)) return;
  if (shim.process.IsBorrowed() || !shim.meter.Open(directory)) return;
  if (change == PolicyMap::Change::kRejected) {
    shim.meter.Count(kPolicyRejected);
  }
  if (begun) {
    shim.connections.Open(fd, vendor.view(), endpoint, error == 0);
  } else if (error != EISCONN && error != EALREADY) {
    shim.connections.CountFailure(vendor.view(), error);
  }
  shim.uplink.Tick();
}

void ReportSocketError(int fd, int error) {
  if (error == 0) return;
  if (const auto connection = shim.connections.Acquire(fd)) {
    connection->ConnectFailed(error);
  }
}

void ReportCreated(int fd) {
  if (IsMetered(fd) && !shim.process.IsBorrowed()) shim.connections.Forget(fd);
}

void ReportDuplicated(int fd, int copy) {
  if ((IsMetered(fd) || IsMetered(copy)) && !shim.process.IsBorrowed()) {
    shim.connections.Share(fd, copy);
  }
}

void ReportRangeClosed(unsigned int first, unsigned int last) {
  // Children of vfork close all they do not need, in their parent's memory.
  if (!shim.meter.open() || shim.process.IsBorrowed()) return;
  shim.connections.ForEach(first, last, [](int fd) {
    if (Connection* closing = BeginClose(fd)) {
      shim.connections.Release(closing);
    }
  });
}

Connection* BeginClose(int fd) {
  if (!IsMetered(fd) || shim.process.IsBorrowed()) return nullptr;
  Connection* closing = shim.connections.Take(fd);
  // Asking takes the error away from whoever asks next, so it is done only when
  // nobody can: no other descriptor, no other process.
  if (closing != nullptr && closing->IsSoleOwner()) {
    TcpInfo info = {};
    if (GetOption(fd, IPPROTO_TCP, TCP_INFO, &info, sizeof(info)) == 0) {
      if (closing->connecting()) SettleConnecting(fd, info, closing);
      if (!closing->connecting()) closing->Reconcile(KernelFiguresOf(info));
    }
  }
  return closing;
}

void FinishClose(int fd, Connection* closing, bool closed) {
  if (closing == nullptr) return;
  if (!closed) {
    shim.connections.PutBack(fd, closing);
    return;
  }
  shim.connections.Release(closing);
  // Private memory dies with the process, and this may be its last call here.
  if (shim.meter.journal().is_file()) {
    shim.uplink.Tick();
  } else {
    shim.uplink.Flush();
  }
}

}  // namespace proxymeter::shim
