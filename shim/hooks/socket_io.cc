// Calls that move bytes on sockets.
#include <sys/uio.h>

#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

// The real call has returned: from here to the end nothing touches errno.

ssize_t Sent(int fd, const void* buffer, ssize_t result) {
  if (result > 0 && IsMetered(fd)) {
    ReportSent(fd, buffer, static_cast<std::size_t>(result));
  }
  return result;
}

ssize_t SentVector(int fd, const iovec* vector, std::size_t count,
                   ssize_t result) {
  if (result > 0 && IsMetered(fd)) {
    ReportSent(fd, vector, count, static_cast<std::size_t>(result));
  }
  return result;
}

// A peek moves nothing, and the error queue holds no stream bytes.
bool Moves(int flags) { return (flags & (MSG_PEEK | MSG_ERRQUEUE)) == 0; }

ssize_t Received(int fd, const void* buffer, ssize_t result, int flags) {
  if (result > 0 && IsMetered(fd) && Moves(flags)) {
    // MSG_TRUNC discards: the buffer was not written, and may be null.
    if ((flags & MSG_TRUNC) != 0) {
      ReportReceivedUnseen(fd, static_cast<std::size_t>(result));
    } else {
      ReportReceived(fd, buffer, static_cast<std::size_t>(result));
    }
  }
  return result;
}

}  // namespace

ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  return Sent(fd, buffer, libc.send(fd, buffer, size, flags));
}

ssize_t sendto(int fd, const void* buffer, size_t size, int flags,
               const sockaddr* address, socklen_t length) {
  return Sent(fd, buffer,
              libc.sendto(fd, buffer, size, flags, address, length));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const ssize_t result = libc.sendmsg(fd, message, flags);
  if (result <= 0) return result;
  return SentVector(fd, message->msg_iov, message->msg_iovlen, result);
}

ssize_t write(int fd, const void* buffer, size_t size) {
  return Sent(fd, buffer, libc.write(fd, buffer, size));
}

ssize_t writev(int fd, const iovec* vector, int count) {
  return SentVector(fd, vector, static_cast<std::size_t>(count),
                    libc.writev(fd, vector, count));
}

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  return Received(fd, buffer, libc.recv(fd, buffer, size, flags), flags);
}

ssize_t recvfrom(int fd, void* buffer, size_t size, int flags,
                 sockaddr* address, socklen_t* length) {
  return Received(fd, buffer,
                  libc.recvfrom(fd, buffer, size, flags, address, length),
                  flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const ssize_t result = libc.recvmsg(fd, message, flags);
  if (result <= 0 || !IsMetered(fd) || !Moves(flags)) return result;
  const auto size = static_cast<std::size_t>(result);
  if ((flags & MSG_TRUNC) != 0) {
    ReportReceivedUnseen(fd, size);
  } else {
    ReportReceived(fd, message->msg_iov, message->msg_iovlen, size);
  }
  return result;
}

ssize_t read(int fd, void* buffer, size_t size) {
  return Received(fd, buffer, libc.read(fd, buffer, size), 0);
}

ssize_t readv(int fd, const iovec* vector, int count) {
  const ssize_t result = libc.readv(fd, vector, count);
  if (result > 0 && IsMetered(fd)) {
    ReportReceived(fd, vector, static_cast<std::size_t>(count),
                   static_cast<std::size_t>(result));
  }
  return result;
}

ssize_t __read_chk(int fd, void* buffer, size_t size, size_t space) {
  return Received(fd, buffer, libc.__read_chk(fd, buffer, size, space), 0);
}

ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t space, int flags) {
  return Received(fd, buffer, libc.__recv_chk(fd, buffer, size, space, flags),
                  flags);
}

ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t space,
                       int flags, sockaddr* address, socklen_t* length) {
  return Received(
      fd, buffer,
      libc.__recvfrom_chk(fd, buffer, size, space, flags, address, length),
      flags);
}

}  // namespace proxymeter::shim::hooks
