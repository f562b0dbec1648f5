// Clients that ask DNS servers themselves: which of their sockets are listened
// to, and what for.
#ifndef PROXYMETER_SHIM_RESOLVERS_H_
#define PROXYMETER_SHIM_RESOLVERS_H_

#include <sys/uio.h>

#include <cstddef>

namespace proxymeter::shim {

// Whoever answers from port 53 is believed: the client believes the same
// answer, and has asked. So is whatever comes to a socket that has asked port
// 53 without being connected, where the client does not want to know from whom.
// Whether it was this question, and whether it was asked at all, is not
// checked: a client that takes such an answer has other troubles. What is on
// its way to a DNS server, encrypted (RFC 7858, RFC 8484), or at another port
// tells nothing.

/// `fd` is connected to port 53, or about to be, and is metered by nobody.
void ListenToResolver(int fd);
/// `fd` has sent a datagram to port 53.
void ListenForDatagrams(int fd);

/// `size` bytes came in, spread over a vector, on `fd`, which is not metered.
void ReceivedByOther(int fd, const iovec* vector, std::size_t count,
                     std::size_t size);
/// The same where no buffer shows them.
void ReceivedByOtherUnseen(int fd);
/// A datagram came from port 53. One in several pieces is read up to 2 KB.
void ReceivedFromResolver(const iovec* vector, std::size_t count,
                          std::size_t size);
/// `fd`, which is not metered, is about to be closed.
void CloseOther(int fd);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_RESOLVERS_H_
