#include "collector/kernel/socket_ends.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "collector/scoped_fd.h"
#include "collector/testing/loopback.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

class SocketEndsTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto ends = SocketEnds::Start(
        [this](const TcpSocket& end) {
          const std::lock_guard lock(mutex_);
          heard_.emplace(end.cookie, end);
        },
        [] {});
    ASSERT_TRUE(ends.ok()) << ends.status();
    ends_ = *std::move(ends);
  }
  std::optional<TcpSocket> Heard(std::uint64_t cookie) {
    const std::lock_guard lock(mutex_);
    const auto found = heard_.find(cookie);
    if (found == heard_.end()) return std::nullopt;
    return found->second;
  }
  // Of no state when it is never heard of.
  TcpSocket Await(std::uint64_t cookie) {
    WaitFor([&] { return Heard(cookie).has_value(); });
    return Heard(cookie).value_or(TcpSocket{.state = TcpState{}});
  }

  std::mutex mutex_;
  std::map<std::uint64_t, TcpSocket> heard_;
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
  EXPECT_FALSE(Heard(client_cookie).has_value());
  const Endpoint client_end = LocalOf(client);
  const Endpoint server_end = RemoteOf(client);
  client.Reset();
  server.Reset();
  const TcpSocket client_last = Await(client_cookie);
  const TcpSocket server_last = Await(server_cookie);
  EXPECT_EQ(client_last.state, TcpState::kClosed);
  EXPECT_TRUE(client_last.has_counts);
  EXPECT_EQ(client_last.sent, request.size());
  EXPECT_EQ(server_last.sent, response.size());
  EXPECT_EQ(client_last.remote.address, server_end.address);
  EXPECT_EQ(client_last.remote.port, server_end.port);
  EXPECT_EQ(client_last.local.address, client_end.address);
  EXPECT_EQ(client_last.local.port, client_end.port);
  EXPECT_EQ(server_last.local.port, server_end.port);
  EXPECT_EQ(server_last.remote.port, client_end.port);
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
  EXPECT_EQ(Await(cookie).sent, read_bytes);
}

INSTANTIATE_TEST_SUITE_P(Families, SocketEndsTest,
                         testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) {
                           return family.param == AF_INET ? "IPv4" : "IPv6";
                         });

}  // namespace
}  // namespace proxymeter::collector
