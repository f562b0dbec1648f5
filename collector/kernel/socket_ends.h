// Hears the kernel's last word on every TCP socket of the network namespace.
#ifndef PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_
#define PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_

#include <cstdint>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "collector/kernel/final_counts.h"
#include "collector/scoped_fd.h"

struct mnl_socket;
struct nlmsghdr;

namespace proxymeter::collector {

/// Subscribes to the groups of NETLINK_SOCK_DIAG that tell of TCP sockets, of
/// IPv4 and IPv6, when they are gone (sock_diag(7); no privilege is needed),
/// and notes what they had sent. One thread.
class SocketEnds {
 public:
  /// `final_counts` must outlive the object. An error where the kernel or its
  /// policy does not let us listen.
  static absl::StatusOr<std::unique_ptr<SocketEnds>> Start(
      FinalCounts& final_counts);
  SocketEnds(const SocketEnds&) = delete;
  SocketEnds& operator=(const SocketEnds&) = delete;
  ~SocketEnds();

 private:
  struct CloseSocket {
    void operator()(mnl_socket* socket) const;
  };

  explicit SocketEnds(FinalCounts& final_counts)
      : final_counts_(final_counts) {}

  void Run();
  void Receive();
  static int OnMessage(const nlmsghdr* message, void* self);
  void OnEnd(const nlmsghdr* message);

  FinalCounts& final_counts_;
  std::unique_ptr<mnl_socket, CloseSocket> socket_;
  ScopedFd stop_;
  bool overrun_said_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_SOCKET_ENDS_H_
