// What the kernel says of a socket, without disturbing its owner.
#ifndef PROXYMETER_SHIM_SOCKET_H_
#define PROXYMETER_SHIM_SOCKET_H_

#include <sys/socket.h>

#include <cstdint>

#include "proxymeter/endpoint.h"
#include "shim/connection/connection.h"

namespace proxymeter::shim {

/// Reads an IPv4 or IPv6 address, of any alignment; false for others.
bool ReadEndpoint(const sockaddr* address, socklen_t length,
                  Endpoint* endpoint);

// Each of the following asks the kernel once and leaves errno alone.

/// SOCK_STREAM, SOCK_DGRAM and so on; -1 when `fd` is no socket.
int SocketType(int fd);

/// FD_CLOEXEC.
bool ClosesOnExec(int fd);

/// By what the kernel will name the socket when it is gone.
SocketIdentity IdentityOf(int fd);

/// Takes the error away from whoever asks next.
int SocketError(int fd);

enum class Peer : std::uint8_t {
  kInternet,  ///< `endpoint` holds its address
  kNone,      ///< not a socket, not connected, or of another family
  kBadDescriptor,
};
Peer PeerOf(int fd, Endpoint* endpoint);

/// What TCP_INFO tells.
struct TcpFigures {
  int state;  ///< TCP_ESTABLISHED and so on
  KernelFigures figures;
};
/// False when `fd` is no TCP socket.
bool ReadTcpFigures(int fd, TcpFigures* figures);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_SOCKET_H_
