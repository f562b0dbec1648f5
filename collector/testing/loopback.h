// Real connections on the loopback interface, for tests and benchmarks.
#ifndef PROXYMETER_COLLECTOR_TESTING_LOOPBACK_H_
#define PROXYMETER_COLLECTOR_TESTING_LOOPBACK_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "collector/scoped_fd.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

/// A listener on the loopback address of a family, and who connects to it.
/// Descriptors are -1 where the kernel refuses.
class Loopback {
 public:
  explicit Loopback(int family) : listener_(socket(family, SOCK_STREAM, 0)) {
    if (family == AF_INET) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(address_);
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      length_ = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(address_);
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = in6addr_loopback;
      length_ = sizeof v6;
    }
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    if (bind(listener_.get(), address, length_) != 0 ||
        listen(listener_.get(), 8) != 0 ||
        getsockname(listener_.get(), address, &length_) != 0) {
      listener_.Reset();
    }
  }
  ScopedFd Connect() const {
    ScopedFd fd(socket(address_.ss_family, SOCK_STREAM, 0));
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_),
                length_) != 0) {
      fd.Reset();
    }
    return fd;
  }
  ScopedFd Accept() const {
    return ScopedFd(accept(listener_.get(), nullptr, nullptr));
  }
  const ScopedFd& listener() const { return listener_; }

 private:
  sockaddr_storage address_{};
  socklen_t length_ = 0;
  ScopedFd listener_;
};

/// 0 when it cannot be told.
inline std::uint64_t CookieOf(const ScopedFd& fd) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  getsockopt(fd.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length);
  return cookie;
}

/// What getsockname() or getpeername() tells, `ask`, IPv4 mapped.
template <typename Ask>
Endpoint EndpointOf(Ask ask, const ScopedFd& fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (ask(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return {};
  }
  Endpoint endpoint;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    endpoint.port = ntohs(v4.sin_port);
    endpoint.address = MappedIpv4(0, 0, 0, 0);
    std::memcpy(&endpoint.address[12], &v4.sin_addr, 4);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    endpoint.port = ntohs(v6.sin6_port);
    std::memcpy(endpoint.address.data(), &v6.sin6_addr, 16);
  }
  return endpoint;
}
inline Endpoint LocalOf(const ScopedFd& fd) {
  return EndpointOf(getsockname, fd);
}
inline Endpoint RemoteOf(const ScopedFd& fd) {
  return EndpointOf(getpeername, fd);
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_TESTING_LOOPBACK_H_
