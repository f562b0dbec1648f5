#include "collector/kernel/socket_dump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "collector/testing/loopback.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

void ExpectSame(const Endpoint& found, const Endpoint& wanted) {
  EXPECT_EQ(found.address, wanted.address);
  EXPECT_EQ(found.port, wanted.port);
}

void Write(const ScopedFd& fd, std::size_t bytes) {
  const std::string text(bytes, 'x');
  ASSERT_EQ(write(fd.get(), text.data(), bytes), static_cast<ssize_t>(bytes));
}

void Read(const ScopedFd& fd, std::size_t bytes) {
  std::string buffer(bytes, '\0');
  ASSERT_EQ(recv(fd.get(), buffer.data(), bytes, MSG_WAITALL),
            static_cast<ssize_t>(bytes));
}

class SocketDumpTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto dump = SocketDump::Open();
    ASSERT_TRUE(dump.ok()) << dump.status();
    dump_.emplace(*std::move(dump));
    client_ = loopback_.Connect();
    server_ = loopback_.Accept();
    ASSERT_TRUE(client_.valid() && server_.valid());
  }

  // By cookie; fails when one comes twice.
  std::map<std::uint64_t, TcpSocket> Dump(std::uint32_t states) {
    std::map<std::uint64_t, TcpSocket> sockets;
    const absl::Status status =
        dump_->Visit(states, [&](const TcpSocket& socket) {
          EXPECT_TRUE(sockets.emplace(socket.cookie, socket).second);
        });
    EXPECT_TRUE(status.ok()) << status;
    return sockets;
  }
  TcpSocket Dumped(const ScopedFd& fd) { return Dump(~0u)[CookieOf(fd)]; }
  // What Find() says of the connection; of cookie 0 when there is none.
  TcpSocket Found(const Endpoint& local, const Endpoint& remote) {
    const auto found = dump_->Find(local, remote);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->has_value() ? **found : TcpSocket{};
  }

  const Loopback loopback_{GetParam()};
  ScopedFd client_;
  ScopedFd server_;
  std::optional<SocketDump> dump_;
};

TEST_P(SocketDumpTest, BytesAreExact) {
  Write(client_, 1234);
  Write(server_, 56789);
  Read(client_, 50000);
  Read(server_, 1200);
  ASSERT_TRUE(WaitFor([&] {
    return Dumped(client_).acked == 1235 && Dumped(server_).acked == 56789;
  }));
  const auto sockets = Dump(StateBit(TcpState::kEstablished));
  for (const bool dumped : {true, false}) {
    const auto of = [&](const ScopedFd& fd) {
      return dumped ? sockets.at(CookieOf(fd))
                    : Found(LocalOf(fd), RemoteOf(fd));
    };
    const TcpSocket client = of(client_);
    EXPECT_EQ(client.cookie, CookieOf(client_));
    ExpectSame(client.local, LocalOf(client_));
    ExpectSame(client.remote, RemoteOf(client_));
    EXPECT_EQ(client.state, TcpState::kEstablished);
    EXPECT_TRUE(client.has_counts);
    EXPECT_EQ(client.sent, 1234u);
    EXPECT_EQ(client.received, 56789u);
    EXPECT_EQ(client.acked, 1235u);  // and its SYN
    EXPECT_EQ(client.retransmitted, 0u);
    EXPECT_EQ(client.unread, 6789u);
    EXPECT_GT(client.rtt_us, 0u);
    EXPECT_NE(client.inode, 0u);
    EXPECT_EQ(client.uid, getuid());

    const TcpSocket server = of(server_);
    EXPECT_EQ(server.cookie, CookieOf(server_));
    ExpectSame(server.local, LocalOf(server_));
    EXPECT_EQ(server.sent, 56789u);
    EXPECT_EQ(server.received, 1234u);
    EXPECT_EQ(server.unread, 34u);
    EXPECT_NE(server.inode, client.inode);
  }
}

TEST_P(SocketDumpTest, AFinIsReceivedAndUnread) {
  Write(client_, 100);
  ASSERT_EQ(shutdown(client_.get(), SHUT_WR), 0);
  ASSERT_TRUE(
      WaitFor([&] { return Dumped(server_).state == TcpState::kCloseWait; }));
  TcpSocket server = Dumped(server_);
  EXPECT_EQ(server.received, 101u);
  EXPECT_EQ(server.unread, 101u);
  Read(server_, 99);
  server = Dumped(server_);
  EXPECT_EQ(server.received, 101u);
  EXPECT_EQ(server.unread, 2u);
  Read(server_, 1);
  char more;
  ASSERT_EQ(read(server_.get(), &more, 1), 0);
  EXPECT_EQ(Dumped(server_).unread, 0u);
  ASSERT_TRUE(
      WaitFor([&] { return Dumped(client_).state == TcpState::kFinWait2; }));
  EXPECT_EQ(Dumped(client_).sent, 100u);
  EXPECT_EQ(Dumped(client_).acked, 102u);
}

TEST_P(SocketDumpTest, OnlyTheStatesAskedFor) {
  const std::uint64_t listener = CookieOf(loopback_.listener());
  const std::uint64_t client = CookieOf(client_);
  const auto connections = Dump(kConnectionStates);
  EXPECT_EQ(connections.count(client), 1u);
  EXPECT_EQ(connections.count(listener), 0u);
  const auto listening = Dump(kListening);
  EXPECT_EQ(listening.count(client), 0u);
  ASSERT_EQ(listening.count(listener), 1u);
  const TcpSocket& found = listening.at(listener);
  EXPECT_EQ(found.state, TcpState::kListen);
  ExpectSame(found.local, LocalOf(loopback_.listener()));
  EXPECT_EQ(found.remote.port, 0u);
  EXPECT_FALSE(found.has_counts);
}

TEST_P(SocketDumpTest, ConnectionsThatWaitToBeAcceptedAreNotUnread) {
  const ScopedFd waiting = loopback_.Connect();
  EXPECT_EQ(Dump(kListening).at(CookieOf(loopback_.listener())).unread, 0u);
}

TEST_P(SocketDumpTest, WhatItsOwnerLeftIsFound) {
  const Endpoint local = LocalOf(client_);
  const Endpoint remote = RemoteOf(client_);
  const std::uint64_t cookie = CookieOf(client_);
  client_.Reset();
  ASSERT_TRUE(WaitFor(
      [&] { return Found(local, remote).state == TcpState::kFinWait2; }));
  EXPECT_EQ(Found(local, remote).cookie, cookie);
  EXPECT_FALSE(Found(local, remote).has_counts);
  EXPECT_EQ(Dump(kConnectionStates).count(cookie), 1u);
  server_.Reset();
  ASSERT_TRUE(WaitFor(
      [&] { return Found(local, remote).state == TcpState::kTimeWait; }));
  const TcpSocket left = Found(local, remote);
  EXPECT_EQ(left.cookie, cookie);
  ExpectSame(left.local, local);
  ExpectSame(left.remote, remote);
  EXPECT_FALSE(left.has_counts);
  EXPECT_EQ(left.inode, 0u);
  EXPECT_EQ(Dump(kConnectionStates).count(cookie), 0u);
  EXPECT_EQ(Dump(StateBit(TcpState::kTimeWait)).count(cookie), 1u);
}

TEST_P(SocketDumpTest, WhoListensIsNotTheConnection) {
  Endpoint nobody = LocalOf(client_);
  nobody.port = static_cast<std::uint16_t>(nobody.port ^ 1);
  EXPECT_EQ(Found(RemoteOf(client_), nobody).cookie, 0u);
  EXPECT_EQ(Found(nobody, RemoteOf(client_)).cookie, 0u);
  EXPECT_EQ(Found(LocalOf(client_), RemoteOf(client_)).cookie,
            CookieOf(client_));
}

TEST_P(SocketDumpTest, ManyComeEachOnce) {
  std::map<std::uint64_t, int> cookies;
  std::vector<ScopedFd> open;
  for (int i = 0; i < 300; ++i) {
    open.push_back(loopback_.Connect());
    open.push_back(loopback_.Accept());
    ASSERT_TRUE(open.back().valid());
  }
  const auto sockets = Dump(kConnectionStates);
  for (const ScopedFd& fd : open) {
    EXPECT_EQ(sockets.count(CookieOf(fd)), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SocketDumpTest,
                         testing::Values(AF_INET, AF_INET6),
                         [](const auto& family) {
                           return family.param == AF_INET ? "IPv4" : "IPv6";
                         });

// A socket of IPv6 that speaks IPv4 is told with the dump of IPv6.
TEST(SocketDump, IPv4OnASocketOfIPv6IsMapped) {
  const Loopback loopback(AF_INET);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  const Endpoint server = LocalOf(loopback.listener());
  address.sin6_port = htons(server.port);
  std::memcpy(&address.sin6_addr, server.address.data(), 16);
  const ScopedFd client(socket(AF_INET6, SOCK_STREAM, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof address),
            0);
  auto dump = SocketDump::Open();
  ASSERT_TRUE(dump.ok()) << dump.status();
  std::optional<TcpSocket> dumped;
  ASSERT_TRUE(dump->Visit(kConnectionStates,
                          [&](const TcpSocket& socket) {
                            if (socket.cookie == CookieOf(client)) {
                              dumped = socket;
                            }
                          })
                  .ok());
  const auto found = dump->Find(LocalOf(client), RemoteOf(client));
  ASSERT_TRUE(found.ok() && found->has_value() && dumped.has_value());
  for (const TcpSocket& socket : {*dumped, **found}) {
    EXPECT_EQ(socket.cookie, CookieOf(client));
    EXPECT_TRUE(IsIpv4(socket.local.address));
    ExpectSame(socket.local, LocalOf(client));
    ExpectSame(socket.remote, server);
  }
}

}  // namespace
}  // namespace proxymeter::collector
