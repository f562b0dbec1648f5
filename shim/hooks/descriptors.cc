// The life of descriptors: created, connected, copied, closed.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "shim/callers/libunwind_walk.h"
#include "shim/clock.h"
#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

int Created(int fd) {
  if (fd >= 0) ReportCreated(fd);
  return fd;
}

// A copy that lands on an open descriptor closes it first.
template <typename Duplicate>
int Replace(int from, int to, Duplicate duplicate) {
  if (from == to) return duplicate();
  Connection* closing = BeginClose(to);
  const int result = duplicate();
  FinishClose(to, closing, /*closed=*/result >= 0);
  if (result >= 0) ReportDuplicated(from, result);
  return result;
}

int AfterFcntl(int fd, int command, long argument, int result) {
  if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) {
    ReportDuplicated(fd, result);
    if (command == F_DUPFD) ReportMayBeInherited(result);
  } else if (command == F_SETFD && (argument & FD_CLOEXEC) == 0) {
    ReportMayBeInherited(fd);
  }
  return result;
}

}  // namespace

int socket(int domain, int type, int protocol) {
  const int fd = libc.socket(domain, type, protocol);
  if (fd >= 0) {
    constexpr int kTypeMask = 0xf;  // the rest are flags
    shim.stream_sockets.Set(fd, (type & kTypeMask) == SOCK_STREAM);
  }
  return Created(fd);
}

int accept(int fd, sockaddr* address, socklen_t* length) {
  return Created(libc.accept(fd, address, length));
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return Created(libc.accept4(fd, address, length, flags));
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  const std::uint64_t since_ns = FineMonotonicNs();
  const int result = libc.connect(fd, address, length);
  ReportConnect(fd, address, length, result == 0 ? 0 : errno, since_ns);
  return result;
}

int getsockopt(int fd, int level, int option, void* value, socklen_t* length) {
  const int result = libc.getsockopt(fd, level, option, value, length);
  // Asking for SO_ERROR clears it: this is the only chance to learn how a
  // connection failed that was made without waiting.
  if (result == 0 && level == SOL_SOCKET && option == SO_ERROR &&
      IsMetered(fd) && *length >= sizeof(int)) {
    int error;
    __builtin_memcpy(&error, value, sizeof(error));
    ReportSocketError(fd, error);
  }
  return result;
}

int setsockopt(int fd, int level, int option, const void* value,
               socklen_t length) {
  const int result = libc.setsockopt(fd, level, option, value, length);
  constexpr char kTls[] = "tls";
  if (result == 0 && level == IPPROTO_TCP && option == TCP_ULP &&
      IsMetered(fd) && length >= sizeof(kTls) - 1 &&
      __builtin_memcmp(value, kTls, sizeof(kTls) - 1) == 0) {
    ReportKernelTls(fd);
  }
  return result;
}

int shutdown(int fd, int how) {
  const int result = libc.shutdown(fd, how);
  if (IsMetered(fd)) shim.uplink.Tick();
  return result;
}

int close(int fd) {
  Connection* closing = BeginClose(fd);
  const int result = libc.close(fd);
  // Linux frees the number whatever close returns, but for EBADF.
  FinishClose(fd, closing, /*closed=*/result == 0 || errno != EBADF);
  return result;
}

int close_range(unsigned int first, unsigned int last, int flags) {
  // Any flag means that this process's descriptors stay open, or become a copy
  // of its own; a range the wrong way round closes nothing.
  if (flags == 0 && first <= last) ReportRangeClosed(first, last);
  return libc.close_range(first, last, flags);
}

void closefrom(int first) {
  ReportRangeClosed(first < 0 ? 0u : static_cast<unsigned int>(first), ~0u);
  libc.closefrom(first);
}

int fclose(FILE* file) {
  const int fd = file != nullptr ? fileno(file) : -1;
  if (fd < 0 || !IsMetered(fd)) return libc.fclose(file);
  // What the stream still holds goes out inside fclose, past every hook. Sent
  // now instead, it is found when the connection is settled.
  const int saved_errno = errno;
  fflush(file);
  errno = saved_errno;
  Connection* closing = BeginClose(fd);
  const int result = libc.fclose(file);
  FinishClose(fd, closing, /*closed=*/true);
  return result;
}

int pipe2(int* fds, int flags) {
  if (RefusesPipes()) [[unlikely]] {
    errno = ENFILE;
    return -1;
  }
  const int result = libc.pipe2(fds, flags);
  if (result == 0) {
    ReportCreated(fds[0]);
    ReportCreated(fds[1]);
  }
  return result;
}

int dup(int fd) {
  const int copy = libc.dup(fd);
  if (copy >= 0) {
    ReportDuplicated(fd, copy);
    ReportMayBeInherited(copy);
  }
  return copy;
}

int dup2(int from, int to) {
  const int result = Replace(from, to, [&] { return libc.dup2(from, to); });
  if (result >= 0 && from != to) ReportMayBeInherited(to);
  return result;
}

int dup3(int from, int to, int flags) {
  const int result =
      Replace(from, to, [&] { return libc.dup3(from, to, flags); });
  if (result >= 0 && (flags & O_CLOEXEC) == 0) ReportMayBeInherited(to);
  return result;
}

int fcntl(int fd, int command, long argument) {
  return AfterFcntl(fd, command, argument, libc.fcntl(fd, command, argument));
}

int ioctl(int fd, unsigned long command, long argument) {
  const int result = libc.ioctl(fd, command, argument);
  if (result >= 0 && command == FIONCLEX) ReportMayBeInherited(fd);
  return result;
}

int fcntl64(int fd, int command, long argument) {
  return AfterFcntl(fd, command, argument, libc.fcntl64(fd, command, argument));
}

}  // namespace proxymeter::shim::hooks
