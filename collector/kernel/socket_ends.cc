#include "collector/kernel/socket_ends.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

namespace proxymeter::collector {
namespace {

constexpr unsigned kGroups = 1u << (SKNLGRP_INET_TCP_DESTROY - 1) |
                             1u << (SKNLGRP_INET6_TCP_DESTROY - 1);

// A message is some 600 bytes, in a buffer that counts for more. The kernel
// gives no more than net.core.rmem_max.
constexpr int kReceiveBuffer = 8 << 20;

// Counts of bytes came with Linux 4.19; older kernels send a shorter structure.
constexpr std::size_t kBytesNeeded =
    offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(__u64);

int OnAttribute(const nlattr* attribute, void* sent) {
  const std::size_t length = mnl_attr_get_payload_len(attribute);
  if (mnl_attr_get_type(attribute) != INET_DIAG_INFO || length < kBytesNeeded) {
    return MNL_CB_OK;
  }
  tcp_info info{};
  std::memcpy(&info, mnl_attr_get_payload(attribute),
              std::min(length, sizeof info));
  *static_cast<std::optional<std::uint64_t>*>(sent) =
      info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
  return MNL_CB_OK;
}

}  // namespace

void SocketEnds::CloseSocket::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

absl::StatusOr<std::unique_ptr<SocketEnds>> SocketEnds::Start(
    FinalCounts& final_counts) {
  std::unique_ptr<SocketEnds> ends(new SocketEnds(final_counts));
  ends->socket_.reset(
      mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (ends->socket_ == nullptr) {
    return absl::ErrnoToStatus(errno,
                               "cannot open a socket to NETLINK_SOCK_DIAG");
  }
  const int fd = mnl_socket_get_fd(ends->socket_.get());
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (mnl_socket_bind(ends->socket_.get(), kGroups, MNL_SOCKET_AUTOPID) != 0) {
    return absl::ErrnoToStatus(errno,
                               "cannot subscribe to the ends of TCP sockets");
  }
  ends->stop_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ends->stop_.valid()) return absl::ErrnoToStatus(errno, "eventfd");
  ends->thread_ = std::thread([raw = ends.get()] { raw->Run(); });
  return ends;
}

SocketEnds::~SocketEnds() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void SocketEnds::Run() {
  std::array<pollfd, 2> waiting = {
      pollfd{.fd = mnl_socket_get_fd(socket_.get()),
             .events = POLLIN,
             .revents = 0},
      pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (waiting[1].revents == 0) {
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      spdlog::error("event=socket_ends_lost errno={}", errno);
      return;
    }
    if (waiting[0].revents != 0) Receive();
  }
}

void SocketEnds::Receive() {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t got =
        mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOBUFS) {
        // Whom it would have settled is counted, by the session that waits.
        if (!std::exchange(overrun_said_, true)) {
          spdlog::warn("event=socket_ends_overrun");
        }
        continue;
      }
      if (errno == ENOSPC) continue;  // one that is longer than any we know
      return;
    }
    mnl_cb_run(buffer.data(), static_cast<std::size_t>(got), /*seq=*/0,
               /*portid=*/0, OnMessage, this);
  }
}

int SocketEnds::OnMessage(const nlmsghdr* message, void* self) {
  static_cast<SocketEnds*>(self)->OnEnd(message);
  return MNL_CB_OK;
}

void SocketEnds::OnEnd(const nlmsghdr* message) {
  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      mnl_nlmsg_get_payload_len(message) < sizeof(inet_diag_msg)) {
    return;
  }
  const auto* end =
      static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
  const std::uint64_t cookie =
      std::uint64_t{end->id.idiag_cookie[1]} << 32 | end->id.idiag_cookie[0];
  std::optional<std::uint64_t> sent;
  mnl_attr_parse(message, sizeof(inet_diag_msg), OnAttribute, &sent);
  if (cookie != 0 && sent) final_counts_.Note(cookie, *sent);
}

}  // namespace proxymeter::collector
