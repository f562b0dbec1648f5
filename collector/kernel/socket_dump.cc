#include "collector/kernel/socket_dump.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/container/flat_hash_set.h"

namespace proxymeter::collector {
namespace {

// The kernel fills at most 32 KB at once, and fewer if fewer are offered.
constexpr std::size_t kBufferBytes = 32768;

// It answers within the call that asks. Nobody is to wait forever for one that
// does not.
constexpr timeval kPatience = {.tv_sec = 5, .tv_usec = 0};

inet_diag_req_v2 Request(int family) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<__u8>(family);
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_ext = 1u << (INET_DIAG_INFO - 1);
  request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return request;
}

bool Same(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && a.address == b.address;
}

// What an answer ended with: 0 or an errno. The end of a dump carries one too.
int ErrorOf(const nlmsghdr* message) {
  int error = 0;
  if (mnl_nlmsg_get_payload_len(message) < sizeof error) {
    return message->nlmsg_type == NLMSG_ERROR ? EBADMSG : 0;
  }
  std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof error);
  return -error;
}

}  // namespace

void SocketDump::CloseSocket::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

absl::StatusOr<SocketDump> SocketDump::Open() {
  SocketDump dump;
  if (auto opened = dump.OpenSocket(); !opened.ok()) return opened;
  // Whether it may be asked, and knows of TCP, only an answer tells: of no
  // state there is nothing to go through.
  const absl::Status asked = dump.Visit(/*states=*/0, [](const TcpSocket&) {});
  if (!asked.ok()) return asked;
  return dump;
}

absl::Status SocketDump::OpenSocket() {
  if (buffer_ == nullptr) buffer_ = std::make_unique<char[]>(kBufferBytes);
  socket_.reset(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
  if (socket_ == nullptr) {
    return absl::ErrnoToStatus(errno,
                               "cannot open a socket to NETLINK_SOCK_DIAG");
  }
  setsockopt(mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_RCVTIMEO,
             &kPatience, sizeof kPatience);
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) {
    const int error = errno;
    socket_.reset();
    return absl::ErrnoToStatus(error, "cannot bind to NETLINK_SOCK_DIAG");
  }
  return absl::OkStatus();
}

absl::Status SocketDump::Ask(
    const inet_diag_req_v2& request, std::uint16_t flags,
    absl::FunctionRef<Next(const nlmsghdr*)> on_message) {
  if (socket_ == nullptr) {
    if (auto opened = OpenSocket(); !opened.ok()) return opened;
  }
  alignas(nlmsghdr) std::array<char, MNL_NLMSG_HDRLEN + sizeof request> message;
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header->nlmsg_flags = static_cast<__u16>(NLM_F_REQUEST | flags);
  // 0 would fit any answer.
  if (++sequence_ == 0) ++sequence_;
  header->nlmsg_seq = sequence_;
  std::memcpy(mnl_nlmsg_put_extra_header(header, sizeof request), &request,
              sizeof request);
  absl::Status status;
  ssize_t sent;
  do {
    sent = mnl_socket_sendto(socket_.get(), header, header->nlmsg_len);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    status = absl::ErrnoToStatus(errno, "cannot ask the kernel for sockets");
  } else {
    status = Receive(on_message);
  }
  // Nothing of a broken answer may pass for the next one's, and a dump that is
  // not at its end lets no other begin. That there is none is a whole answer.
  if (!status.ok() && !absl::IsNotFound(status)) socket_.reset();
  return status;
}

absl::Status SocketDump::Receive(
    absl::FunctionRef<Next(const nlmsghdr*)> on_message) {
  for (;;) {
    const ssize_t got =
        mnl_socket_recvfrom(socket_.get(), buffer_.get(), kBufferBytes);
    if (got < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, "the kernel's answer broke off");
    }
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.get());
         mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (!mnl_nlmsg_seq_ok(message, sequence_) ||
          !mnl_nlmsg_portid_ok(message, mnl_socket_get_portid(socket_.get()))) {
        continue;
      }
      if (message->nlmsg_type == NLMSG_ERROR ||
          message->nlmsg_type == NLMSG_DONE) {
        const int error = ErrorOf(message);
        if (error == 0) return absl::OkStatus();
        return absl::ErrnoToStatus(error, "the kernel does not tell sockets");
      }
      if (on_message(message) == Next::kEnd) return absl::OkStatus();
    }
  }
}

absl::Status SocketDump::Visit(
    std::uint32_t states, absl::FunctionRef<void(const TcpSocket&)> visit) {
  // Between two pieces a socket may move backward in its chain of the table,
  // and come again. (NLM_F_DUMP_INTR, by which other tables tell of changes,
  // is never set here, and would say no more.)
  absl::flat_hash_set<std::uint64_t> visited;
  for (const int family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 request = Request(family);
    request.idiag_states = states;
    const absl::Status status =
        Ask(request, NLM_F_DUMP, [&](const nlmsghdr* message) {
          const std::optional<TcpSocket> socket = ParseTcpSocket(message);
          if (socket && visited.insert(socket->cookie).second) visit(*socket);
          return Next::kMore;
        });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TcpSocket>> SocketDump::Find(
    const Endpoint& local, const Endpoint& remote) {
  const bool v4 = IsIpv4(local.address) && IsIpv4(remote.address);
  inet_diag_req_v2 request = Request(v4 ? AF_INET : AF_INET6);
  const std::size_t from = v4 ? 12 : 0;
  const std::size_t bytes = local.address.size() - from;
  std::memcpy(request.id.idiag_src, &local.address[from], bytes);
  std::memcpy(request.id.idiag_dst, &remote.address[from], bytes);
  request.id.idiag_sport = htons(local.port);
  request.id.idiag_dport = htons(remote.port);
  std::optional<TcpSocket> found;
  const absl::Status status = Ask(request, 0, [&](const nlmsghdr* message) {
    found = ParseTcpSocket(message);
    return Next::kEnd;
  });
  if (absl::IsNotFound(status)) return std::nullopt;
  if (!status.ok()) return status;
  // The kernel's look-up ends with who listens at `local`.
  if (found && (found->state == TcpState::kListen ||
                !Same(found->local, local) || !Same(found->remote, remote))) {
    found.reset();
  }
  return found;
}

}  // namespace proxymeter::collector
