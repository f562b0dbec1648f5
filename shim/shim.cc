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
void SettleConnecting(int fd, Connection* connection) {
  tcp_info info = {};
  if (GetOption(fd, IPPROTO_TCP, TCP_INFO, &info, sizeof(info)) != 0) return;
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

Connection* BeginClose(int fd) {
  if (!IsMetered(fd) || shim.process.IsBorrowed()) return nullptr;
  Connection* closing = shim.connections.Take(fd);
  // Asking takes the error away from whoever asks next, so it is done only when
  // nobody can: no other descriptor, no other process.
  if (closing != nullptr && closing->connecting() && closing->IsSoleOwner()) {
    SettleConnecting(fd, closing);
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
