// Hears the kernel's last word on every TCP socket of the network namespace.
#ifndef PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_
#define PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "collector/kernel/tcp_socket.h"
#include "collector/scoped_fd.h"

struct mnl_socket;

namespace proxymeter::collector {

/// Subscribes to the groups of NETLINK_SOCK_DIAG that tell of TCP sockets, of
/// IPv4 and IPv6, when they are gone (sock_diag(7); no privilege is needed).
/// One thread, which calls the listeners.
class SocketEnds {
 public:
  using OnEnd = std::function<void(const TcpSocket&)>;
  using OnOverrun = std::function<void()>;

  /// `on_end` is called for each end, of a socket that is closed and has both
  /// its endpoints still.
  /// `on_overrun` is called when the kernel found no room for some (ENOBUFS):
  /// those are never told. An error where the kernel or its policy does not let
  /// us listen.
  static absl::StatusOr<std::unique_ptr<SocketEnds>> Start(
      OnEnd on_end, OnOverrun on_overrun);
  SocketEnds(const SocketEnds&) = delete;
  SocketEnds& operator=(const SocketEnds&) = delete;
  ~SocketEnds();

 private:
  struct CloseSocket {
    void operator()(mnl_socket* socket) const;
  };

  SocketEnds(OnEnd on_end, OnOverrun on_overrun);

  void Run();
  void Receive();
  void Read(const char* bytes, std::size_t size);

  const OnEnd on_end_;
  const OnOverrun on_overrun_;
  std::unique_ptr<mnl_socket, CloseSocket> socket_;
  ScopedFd stop_;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_
