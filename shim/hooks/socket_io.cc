// Calls that move bytes on sockets.
#include <errno.h>
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

// Bytes that went from descriptor to descriptor without passing through us.
ssize_t SentByKernel(int fd, ssize_t result) {
  if (result > 0 && IsMetered(fd)) {
    ReportSentUnseen(fd, static_cast<std::size_t>(result));
  }
  return result;
}

// TCP fast open: a send that connects. True when bytes were accepted.
bool ReportFastOpen(int fd, const sockaddr* address, socklen_t length,
                    ssize_t result) {
  const int error = result >= 0 ? EINPROGRESS : errno;
  // Between the data and its acknowledgement the connection is under way; on
  // an established one the address is ignored.
  if (!IsMetered(fd)) ReportConnect(fd, address, length, error);
  return result > 0;
}

}  // namespace

ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  return Call<&Libc::send, FromBuffer>(fd, buffer, size, flags);
}

ssize_t sendto(int fd, const void* buffer, size_t size, int flags,
               const sockaddr* address, socklen_t length) {
  if ((flags & MSG_FASTOPEN) != 0) [[unlikely]] {
    const ssize_t result =
        libc.sendto(fd, buffer, size, flags, address, length);
    if (ReportFastOpen(fd, address, length, result)) {
      ReportSent(fd, buffer, static_cast<std::size_t>(result));
    }
    return result;
  }
  return Call<&Libc::sendto, FromBuffer>(fd, buffer, size, flags, address,
                                         length);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if ((flags & MSG_FASTOPEN) != 0) [[unlikely]] {
    const ssize_t result = libc.sendmsg(fd, message, flags);
    if (ReportFastOpen(fd, static_cast<const sockaddr*>(message->msg_name),
                       message->msg_namelen, result)) {
      FromMessage::Moved(result, fd, message, flags);
    }
    return result;
  }
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

int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags) {
  const int result = libc.sendmmsg(fd, messages, count, flags);
  for (int i = 0; i < result && IsMetered(fd); ++i) {
    const msghdr& message = messages[i].msg_hdr;
    ReportSent(fd, message.msg_iov, message.msg_iovlen, messages[i].msg_len);
  }
  return result;
}

int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags,
             timespec* timeout) {
  const int result = libc.recvmmsg(fd, messages, count, flags, timeout);
  for (int i = 0; i < result && IsMetered(fd); ++i) {
    if (messages[i].msg_len == 0) continue;
    IntoMessage::Moved(messages[i].msg_len, fd, &messages[i].msg_hdr, flags);
  }
  return result;
}

ssize_t sendfile(int to, int from, off_t* offset, size_t size) {
  return SentByKernel(to, libc.sendfile(to, from, offset, size));
}

ssize_t sendfile64(int to, int from, off64_t* offset, size_t size) {
  return SentByKernel(to, libc.sendfile64(to, from, offset, size));
}

ssize_t splice(int from, off64_t* from_offset, int to, off64_t* to_offset,
               size_t size, unsigned int flags) {
  const ssize_t result =
      libc.splice(from, from_offset, to, to_offset, size, flags);
  if (result > 0 && IsMetered(from)) {
    ReportReceivedUnseen(from, static_cast<std::size_t>(result));
  }
  return SentByKernel(to, result);
}

}  // namespace proxymeter::shim::hooks
