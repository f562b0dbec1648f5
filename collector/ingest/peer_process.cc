#include "collector/ingest/peer_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace proxymeter::collector {
namespace {

// Newer than the headers of Debian 12.
constexpr int kSoPeerPidfd = 77;
constexpr long kPidfsMagic = 0x50494446;

// Sets `pidfd`, or `dead`, or neither when the kernel cannot say.
void OpenPidfd(int socket_fd, pid_t pid, PeerProcess& peer) {
  int fd = -1;
  socklen_t length = sizeof fd;
  if (getsockopt(socket_fd, SOL_SOCKET, kSoPeerPidfd, &fd, &length) == 0) {
    peer.pidfd.Reset(fd);
    return;
  }
  // A peer that has been reaped: EINVAL or ESRCH, by kernel version.
  if (errno == ESRCH || errno == EINVAL) {
    peer.dead = true;
    return;
  }
  if (pid <= 0) return;
  peer.pidfd.Reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  peer.dead = !peer.pidfd.valid() && errno == ESRCH;
}

}  // namespace

PeerProcess IdentifyPeer(int socket_fd) {
  PeerProcess peer;
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) !=
      0) {
    credentials.pid = 0;
  } else {
    peer.owner = credentials.uid;
  }
  OpenPidfd(socket_fd, credentials.pid, peer);
  struct statfs file_system {};
  struct stat info {};
  if (peer.pidfd.valid() && fstatfs(peer.pidfd.get(), &file_system) == 0 &&
      file_system.f_type == kPidfsMagic &&
      fstat(peer.pidfd.get(), &info) == 0) {
    peer.key = {ProcessKey::Source::kPidfdInode, info.st_ino, {}};
  } else if (credentials.pid > 0) {
    peer.key = {ProcessKey::Source::kPid,
                static_cast<std::uint64_t>(credentials.pid),
                {}};
  }
  return peer;
}

bool IsDead(int pidfd) {
  pollfd poll_fd{.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN) != 0;
}

}  // namespace proxymeter::collector
