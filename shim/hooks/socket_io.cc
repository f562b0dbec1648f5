// Calls that move bytes on sockets.
#include <sys/uio.h>

#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

// Each hook looks the descriptor up before the real call: one that is not
// metered goes straight through, by a jump. (Nothing is lost by looking early:
// a descriptor moves no bytes before it is connected.)
template <auto kReal, typename Report, typename... Arguments>
[[gnu::noinline]] ssize_t CallMetered(Arguments... arguments) {
  const ssize_t result = (libc.*kReal)(arguments...);
  if (result > 0) Report::Moved(result, arguments...);
  return result;
}

template <auto kReal, typename Report, typename... Arguments>
ssize_t Call(int fd, Arguments... arguments) {
  if (!IsMetered(fd)) [[likely]] {
    return (libc.*kReal)(fd, arguments...);
  }
  return CallMetered<kReal, Report>(fd, arguments...);
}

// What a call that moved `result` bytes reports, by the shape of its
// arguments. Nothing in it touches errno.

struct FromBuffer {
  template <typename... Rest>
  static void Moved(ssize_t result, int fd, const void* buffer, size_t,
                    Rest...) {
    ReportSent(fd, buffer, static_cast<std::size_t>(result));
  }
};

struct FromVector {
  static void Moved(ssize_t result, int fd, const iovec* vector, int count) {
    ReportSent(fd, vector, static_cast<std::size_t>(count),
               static_cast<std::size_t>(result));
  }
};

struct FromMessage {
  static void Moved(ssize_t result, int fd, const msghdr* message, int) {
    ReportSent(fd, message->msg_iov, message->msg_iovlen,
               static_cast<std::size_t>(result));
  }
};

// Runs `report` unless the flags say that no byte, or no buffer, was touched.
template <typename ReportBytes>
void Received(ssize_t result, int fd, int flags, ReportBytes report) {
  // A peek moves nothing, and the error queue holds no stream bytes.
  if ((flags & (MSG_PEEK | MSG_ERRQUEUE)) != 0) return;
  const auto size = static_cast<std::size_t>(result);
  // MSG_TRUNC discards: the buffer was not written, and may be null.
  if ((flags & MSG_TRUNC) != 0) {
    ReportReceivedUnseen(fd, size);
  } else {
    report(size);
  }
}

struct IntoBuffer {
  template <typename... Rest>
  static void Moved(ssize_t result, int fd, const void* buffer, size_t,
                    int flags, Rest...) {
    Received(result, fd, flags,
             [=](std::size_t size) { ReportReceived(fd, buffer, size); });
  }
  // read and its fortified form, which also knows the buffer's size.
  static void Moved(ssize_t result, int fd, const void* buffer, size_t) {
    ReportReceived(fd, buffer, static_cast<std::size_t>(result));
  }
};

struct IntoFortifiedBuffer {
  template <typename... Rest>
  static void Moved(ssize_t result, int fd, const void* buffer, size_t size,
                    size_t, Rest... rest) {
    IntoBuffer::Moved(result, fd, buffer, size, rest...);
  }
};

struct IntoVector {
  static void Moved(ssize_t result, int fd, const iovec* vector, int count) {
    ReportReceived(fd, vector, static_cast<std::size_t>(count),
                   static_cast<std::size_t>(result));
  }
};

struct IntoMessage {
  static void Moved(ssize_t result, int fd, const msghdr* message, int flags) {
    Received(result, fd, flags, [=](std::size_t size) {
      ReportReceived(fd, message->msg_iov, message->msg_iovlen, size);
    });
  }
};

}  // namespace

ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  return Call<&Libc::send, FromBuffer>(fd, buffer, size, flags);
}

ssize_t sendto(int fd, const void* buffer, size_t size, int flags,
               const sockaddr* address, socklen_t length) {
  return Call<&Libc::sendto, FromBuffer>(fd, buffer, size, flags, address,
                                         length);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return Call<&Libc::sendmsg, FromMessage>(fd, message, flags);
}

ssize_t write(int fd, const void* buffer, size_t size) {
  return Call<&Libc::write, FromBuffer>(fd, buffer, size);
}

ssize_t writev(int fd, const iovec* vector, int count) {
  return Call<&Libc::writev, FromVector>(fd, vector, count);
}

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  return Call<&Libc::recv, IntoBuffer>(fd, buffer, size, flags);
}

ssize_t recvfrom(int fd, void* buffer, size_t size, int flags,
                 sockaddr* address, socklen_t* length) {
  return Call<&Libc::recvfrom, IntoBuffer>(fd, buffer, size, flags, address,
                                           length);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return Call<&Libc::recvmsg, IntoMessage>(fd, message, flags);
}

ssize_t read(int fd, void* buffer, size_t size) {
  return Call<&Libc::read, IntoBuffer>(fd, buffer, size);
}

ssize_t readv(int fd, const iovec* vector, int count) {
  return Call<&Libc::readv, IntoVector>(fd, vector, count);
}

ssize_t __read_chk(int fd, void* buffer, size_t size, size_t space) {
  return Call<&Libc::__read_chk, IntoFortifiedBuffer>(fd, buffer, size, space);
}

ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t space, int flags) {
  return Call<&Libc::__recv_chk, IntoFortifiedBuffer>(fd, buffer, size, space,
                                                      flags);
}

ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t space,
                       int flags, sockaddr* address, socklen_t* length) {
  return Call<&Libc::__recvfrom_chk, IntoFortifiedBuffer>(
      fd, buffer, size, space, flags, address, length);
}

}  // namespace proxymeter::shim::hooks
