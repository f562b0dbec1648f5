#include "collector/kernel/socket_ends.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "collector/scoped_fd.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

// A listener on the loopback address of a family, and who connects to it.
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
    EXPECT_EQ(bind(listener_.get(), address, length_), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    EXPECT_EQ(getsockname(listener_.get(), address, &length_), 0);
  }
  ScopedFd Connect() const {
    ScopedFd fd(socket(address_.ss_family, SOCK_STREAM, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_),
                      length_),
              0);
    return fd;
  }
  ScopedFd Accept() const {
    return ScopedFd(accept(listener_.get(), nullptr, nullptr));
  }

 private:
  sockaddr_storage address_{};
  socklen_t length_ = 0;
  ScopedFd listener_;
};

std::uint64_t CookieOf(const ScopedFd& fd) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  EXPECT_EQ(getsockopt(fd.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
  return cookie;
}

class SocketEndsTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto ends = SocketEnds::Start(counts_);
    ASSERT_TRUE(ends.ok()) << ends.status();
    ends_ = *std::move(ends);
  }
  // What is heard of the socket, within reason.
  std::optional<std::uint64_t> Await(std::uint64_t cookie) const {
    for (int i = 0; i < 2000; ++i) {
      if (const auto sent = counts_.SentBy(cookie)) return sent;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return std::nullopt;
  }

  TestDirectory temp_;
  FinalCounts counts_{temp_.path() + "/final_counts"};
  std::unique_ptr<SocketEnds> ends_;
};

TEST_P(SocketEndsTest, TellWhatBothEndsHadSent) {
  const Loopback loopback(GetParam());
  ScopedFd client = loopback.Connect();
  ScopedFd server = loopback.Accept();
  const std::uint64_t client_cookie = CookieOf(client);
  const std::uint64_t server_cookie = CookieOf(server);
  const std::string request(1234, 'q');
  const std::string response(56789, 'r');
  ASSERT_EQ(write(client.get(), request.data(), request.size()), 1234);
  ASSERT_EQ(write(server.get(), response.data(), response.size()), 56789);
  std::string buffer(100000, '\0');
  for (std::size_t got = 0; got < response.size();) {
    got += static_cast<std::size_t>(
        read(client.get(), buffer.data(), buffer.size()));
  }
  ASSERT_EQ(read(server.get(), buffer.data(), buffer.size()), 1234);
  EXPECT_EQ(counts_.SentBy(client_cookie), std::nullopt);
  client.Reset();
  server.Reset();
  EXPECT_EQ(Await(client_cookie), request.size());
  EXPECT_EQ(Await(server_cookie), response.size());
}

TEST_P(SocketEndsTest, OfAProcessThatWasKilledToo) {
  const Loopback loopback(GetParam());
  ScopedFd client = loopback.Connect();
  ScopedFd server = loopback.Accept();
  const std::uint64_t cookie = CookieOf(client);
  const pid_t child = fork();
  if (child == 0) {
    // More than the peer reads before the end: the kernel goes on sending.
    const std::string much(100000, 'x');
    if (write(client.get(), much.data(), much.size()) < 0) _exit(1);
    raise(SIGKILL);
  }
  client.Reset();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  std::string buffer(8192, '\0');
  std::uint64_t read_bytes = 0;
  for (ssize_t got = 1; got > 0;) {
    got = read(server.get(), buffer.data(), buffer.size());
    if (got > 0) read_bytes += static_cast<std::uint64_t>(got);
  }
  server.Reset();
  EXPECT_EQ(read_bytes, 100000u);
  EXPECT_EQ(Await(cookie), read_bytes);
}

INSTANTIATE_TEST_SUITE_P(Families, SocketEndsTest,
                         testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) {
                           return family.param == AF_INET ? "IPv4" : "IPv6";
                         });

}  // namespace
}  // namespace proxymeter::collector
