#include "collector/kernel/socket_ends.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

namespace proxymeter::collector {
namespace {

constexpr unsigned kGroups = 1u << (SKNLGRP_INET_TCP_DESTROY - 1) |
                             1u << (SKNLGRP_INET6_TCP_DESTROY - 1);

// A message is some 400 bytes, in a buffer that counts for more. The kernel
// gives no more than net.core.rmem_max, but to those with CAP_NET_ADMIN.
constexpr int kReceiveBuffer = 8 << 20;

// To be woken for each end costs several times what it takes to read it: they
// are left to gather, for as long as the smallest buffer surely lasts.
constexpr int kGatherMs = 20;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMessageBytes = 2048;

}  // namespace

void SocketEnds::CloseSocket::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

SocketEnds::SocketEnds(OnEnd on_end, OnOverrun on_overrun)
    : on_end_(std::move(on_end)), on_overrun_(std::move(on_overrun)) {}

absl::StatusOr<std::unique_ptr<SocketEnds>> SocketEnds::Start(
    OnEnd on_end, OnOverrun on_overrun) {
  std::unique_ptr<SocketEnds> ends(
      new SocketEnds(std::move(on_end), std::move(on_overrun)));
  ends->socket_.reset(
      mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (ends->socket_ == nullptr) {
    return absl::ErrnoToStatus(errno,
                               "cannot open a socket to NETLINK_SOCK_DIAG");
  }
  const int fd = mnl_socket_get_fd(ends->socket_.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                 sizeof kReceiveBuffer) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer,
               sizeof kReceiveBuffer);
  }
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
    if (waiting[0].revents == 0) continue;
    Receive();
    if (poll(&waiting[1], 1, kGatherMs) < 0) waiting[1].revents = 0;
  }
}

void SocketEnds::Receive() {
  struct alignas(nlmsghdr) Buffer {
    char bytes[kMessageBytes];
  };
  std::array<Buffer, kBatch> buffers;
  std::array<iovec, kBatch> pieces;
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    pieces[i] = {buffers[i].bytes, kMessageBytes};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int fd = mnl_socket_get_fd(socket_.get());
  for (;;) {
    const int got =
        recvmmsg(fd, messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != ENOBUFS) return;
      on_overrun_();
      continue;
    }
    for (int i = 0; i < got; ++i) {
      // One that is longer than any we know is none of ours.
      if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
      Read(buffers[i].bytes, messages[i].msg_len);
    }
    if (static_cast<std::size_t>(got) < kBatch) return;
  }
}

void SocketEnds::Read(const char* bytes, std::size_t size) {
  int left = static_cast<int>(size);
  for (auto* message = reinterpret_cast<const nlmsghdr*>(bytes);
       mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (const auto end = ParseTcpSocket(message)) on_end_(*end);
  }
}

}  // namespace proxymeter::collector
