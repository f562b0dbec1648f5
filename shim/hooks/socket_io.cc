// Calls that move bytes on sockets.
#include <errno.h>
#include <sys/uio.h>

#include <cstring>

#include "shim/clock.h"
#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

// Each hook looks the descriptor up before the real call: one that is plain
// goes straight through, by a jump. (Nothing is lost by looking early: a
// descriptor moves no bytes before it is connected.)
template <auto kReal, typename Report, typename... Arguments>
[[gnu::noinline]] ssize_t CallMetered(Arguments... arguments) {
  const ssize_t result = (libc.*kReal)(arguments...);
  if (result > 0) Report::Moved(result, arguments...);
  return result;
}

template <auto kReal, typename Report, typename... Arguments>
ssize_t Call(int fd, Arguments... arguments) {
  if (IsPlain(fd)) [[likely]] {
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
  template <typename... Place>
  static void Moved(ssize_t result, int fd, const iovec* vector, int count,
                    Place...) {
    ReportSent(fd, vector, static_cast<std::size_t>(count),
               static_cast<std::size_t>(result));
  }
};

struct FromMessage {
  static void Moved(ssize_t result, int fd, const msghdr* message, int) {
    if (message->msg_name != nullptr &&
        ReportSentTo(fd, static_cast<const sockaddr*>(message->msg_name),
                     message->msg_namelen, message->msg_iov,
                     message->msg_iovlen, static_cast<std::size_t>(result))) {
      return;
    }
    ReportSent(fd, message->msg_iov, message->msg_iovlen,
               static_cast<std::size_t>(result));
  }
};

// A peek moves nothing, and the error queue holds no bytes of the peer's.
bool MovesBytes(int flags) { return (flags & (MSG_PEEK | MSG_ERRQUEUE)) == 0; }

// Runs `report` unless the flags say that no byte, or no buffer, was touched.
template <typename ReportBytes>
void Received(ssize_t result, int fd, int flags, ReportBytes report) {
  if (!MovesBytes(flags)) return;
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

struct IntoBufferFrom {
  static void Moved(ssize_t result, int fd, const void* buffer, size_t size,
                    int flags, const sockaddr* address,
                    const socklen_t* length) {
    const iovec whole = {const_cast<void*>(buffer), size};
    if (MovesBytes(flags) && address != nullptr && length != nullptr &&
        ReportReceivedFrom(fd, address, *length, &whole, 1,
                           static_cast<std::size_t>(result))) {
      return;
    }
    IntoBuffer::Moved(result, fd, buffer, size, flags);
  }
};

struct IntoFortifiedBuffer {
  template <typename... Rest>
  static void Moved(ssize_t result, int fd, const void* buffer, size_t size,
                    size_t, Rest... rest) {
    IntoBuffer::Moved(result, fd, buffer, size, rest...);
  }
};

struct IntoFortifiedBufferFrom {
  template <typename... Rest>
  static void Moved(ssize_t result, int fd, const void* buffer, size_t size,
                    size_t, Rest... rest) {
    IntoBufferFrom::Moved(result, fd, buffer, size, rest...);
  }
};

struct IntoVector {
  template <typename... Place>
  static void Moved(ssize_t result, int fd, const iovec* vector, int count,
                    Place...) {
    ReportReceived(fd, vector, static_cast<std::size_t>(count),
                   static_cast<std::size_t>(result));
  }
};

struct IntoMessage {
  static void Moved(ssize_t result, int fd, const msghdr* message, int flags) {
    if (MovesBytes(flags) && message->msg_name != nullptr &&
        ReportReceivedFrom(fd, static_cast<const sockaddr*>(message->msg_name),
                           message->msg_namelen, message->msg_iov,
                           message->msg_iovlen,
                           static_cast<std::size_t>(result))) {
      return;
    }
    Received(result, fd, flags, [=](std::size_t size) {
      ReportReceived(fd, message->msg_iov, message->msg_iovlen, size);
    });
  }
};

// Bytes that went from descriptor to descriptor without passing through us.
ssize_t SentByKernel(int fd, ssize_t result) {
  if (result > 0 && !IsPlain(fd)) {
    ReportSentUnseen(fd, static_cast<std::size_t>(result));
  }
  return result;
}

// Calls `report` for each descriptor that went or came with a message.
template <typename Report>
void ForEachRight(const msghdr* constant, Report report) {
  if (constant->msg_controllen == 0) return;
  auto* message = const_cast<msghdr*>(constant);  // as CMSG_NXTHDR wants it
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const unsigned char* data = CMSG_DATA(header);
    const auto* end =
        reinterpret_cast<unsigned char*>(header) + header->cmsg_len;
    for (; data + sizeof(int) <= end; data += sizeof(int)) {
      int fd;
      std::memcpy(&fd, data, sizeof(fd));
      report(fd);
    }
  }
}

// TCP fast open: a send that connects. True when bytes were accepted.
bool ReportFastOpen(int fd, const sockaddr* address, socklen_t length,
                    ssize_t result) {
  const int error = result >= 0 ? EINPROGRESS : errno;
  // Between the data and its acknowledgement the connection is under way; on
  // an established one the address is ignored.
  if (!IsMetered(fd)) {
    ReportConnect(fd, address, length, error, FineMonotonicNs());
  }
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
  if (address != nullptr) [[unlikely]] {
    const ssize_t result =
        libc.sendto(fd, buffer, size, flags, address, length);
    const iovec whole = {const_cast<void*>(buffer), size};
    if (result > 0 && !ReportSentTo(fd, address, length, &whole, 1,
                                    static_cast<std::size_t>(result))) {
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
    if (result < 0 && RefusedUnread(errno)) return result;
    if (ReportFastOpen(fd, static_cast<const sockaddr*>(message->msg_name),
                       message->msg_namelen, result)) {
      FromMessage::Moved(result, fd, message, flags);
    }
    return result;
  }
  const ssize_t result = libc.sendmsg(fd, message, flags);
  if (result >= 0) ForEachRight(message, ReportPassed);
  // One with an address of its own may be a datagram of any socket.
  if (result > 0 && (!IsPlain(fd) || message->msg_name != nullptr)) {
    FromMessage::Moved(result, fd, message, flags);
  }
  return result;
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
  return Call<&Libc::recvfrom, IntoBufferFrom>(fd, buffer, size, flags, address,
                                               length);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const ssize_t result = Call<&Libc::recvmsg, IntoMessage>(fd, message, flags);
  if (result >= 0) ForEachRight(message, ReportArrived);
  return result;
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
  return Call<&Libc::__recvfrom_chk, IntoFortifiedBufferFrom>(
      fd, buffer, size, space, flags, address, length);
}

int sendmmsg(int fd, mmsghdr* messages, unsigned int count, int flags) {
  const int result = libc.sendmmsg(fd, messages, count, flags);
  for (int i = 0; i < result; ++i) {
    const msghdr& message = messages[i].msg_hdr;
    ForEachRight(&message, ReportPassed);
    if (IsPlain(fd) && message.msg_name == nullptr) continue;
    if (messages[i].msg_len == 0) continue;
    FromMessage::Moved(messages[i].msg_len, fd, &message, flags);
  }
  return result;
}

int recvmmsg(int fd, mmsghdr* messages, unsigned int count, int flags,
             timespec* timeout) {
  const int result = libc.recvmmsg(fd, messages, count, flags, timeout);
  for (int i = 0; i < result; ++i) {
    ForEachRight(&messages[i].msg_hdr, ReportArrived);
    if (IsPlain(fd) || messages[i].msg_len == 0) continue;
    IntoMessage::Moved(messages[i].msg_len, fd, &messages[i].msg_hdr, flags);
  }
  return result;
}

ssize_t preadv2(int fd, const iovec* vector, int count, off_t offset,
                int flags) {
  return Call<&Libc::preadv2, IntoVector>(fd, vector, count, offset, flags);
}

ssize_t preadv64v2(int fd, const iovec* vector, int count, off64_t offset,
                   int flags) {
  return Call<&Libc::preadv64v2, IntoVector>(fd, vector, count, offset, flags);
}

ssize_t pwritev2(int fd, const iovec* vector, int count, off_t offset,
                 int flags) {
  return Call<&Libc::pwritev2, FromVector>(fd, vector, count, offset, flags);
}

ssize_t pwritev64v2(int fd, const iovec* vector, int count, off64_t offset,
                    int flags) {
  return Call<&Libc::pwritev64v2, FromVector>(fd, vector, count, offset, flags);
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
  if (result > 0 && !IsPlain(from)) {
    ReportReceivedUnseen(from, static_cast<std::size_t>(result));
  }
  return SentByKernel(to, result);
}

}  // namespace proxymeter::shim::hooks
