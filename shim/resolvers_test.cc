#include "shim/resolvers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/protocol/dns_testing.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr char kServer[] = "127.0.53.1";
constexpr char kPublicServer[] = "203.0.114.53";  // metered, as direct
constexpr char kHost[] = "gw.acme.test";          // as the policy has it

std::string Answer(std::string_view host, std::uint8_t last) {
  protocol::DnsWriter writer(host);
  writer.A(host, {127, 0, 60, last});
  return writer.bytes();
}

std::string Framed(const std::string& message) {
  return protocol::Dns16(message.size()) + message;
}

class Resolvers : public ShimFixture {
 protected:
  using Address4 = sockaddr_in;

  static Address4 Of(const char* text, std::uint16_t port) {
    Address4 address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
  }
  void Ask(const char* server = kServer, std::uint16_t port = kDnsPort) {
    const Address4 address = Of(server, port);
    hooks::sendto(kFd, "?", 1, 0, reinterpret_cast<const sockaddr*>(&address),
                  sizeof(address));
  }
  ssize_t Receive(const std::string& data, int flags = 0) {
    fake_.Receives(data);
    return hooks::recv(kFd, buffer_.data(), buffer_.size(), flags);
  }
  ssize_t ReceiveFrom(const std::string& data, std::uint16_t port = kDnsPort,
                      const char* server = kServer, int flags = 0) {
    Address4 address = Of(server, port);
    socklen_t length = sizeof(address);
    fake_.Receives(data);
    return hooks::recvfrom(kFd, buffer_.data(), buffer_.size(), flags,
                           reinterpret_cast<sockaddr*>(&address), &length);
  }

  // Whether a connection to 127.0.60.`last` would be the vendor's.
  bool Knows(std::uint8_t last) {
    return shim.attribution.Classify({MappedIpv4(127, 0, 60, last), 8080})
               .view() == kVendor;
  }

  std::array<char, 8192> buffer_;
};

class ResolverDatagrams : public Resolvers {
 protected:
  ResolverDatagrams() { fake_.set_socket_type(SOCK_DGRAM); }
};

TEST_F(ResolverDatagrams, OfAConnectedSocketAreReadHoweverTheyAreTaken) {
  Connect(kFd, kServer, kDnsPort);
  EXPECT_FALSE(IsMetered(kFd));
  Receive(Answer(kHost, 1));
  EXPECT_TRUE(Knows(1));
  ReceiveFrom(Answer(kHost, 2));
  fake_.Receives(Answer(kHost, 3));
  hooks::read(kFd, buffer_.data(), buffer_.size());
  fake_.Receives(Answer(kHost, 4));
  hooks::__recv_chk(kFd, buffer_.data(), buffer_.size(), buffer_.size(), 0);
  fake_.Receives(Answer(kHost, 5));
  hooks::__read_chk(kFd, buffer_.data(), buffer_.size(), buffer_.size());
  // In pieces.
  iovec pieces[3] = {{buffer_.data(), 5}, {nullptr, 0}, {&buffer_[100], 500}};
  fake_.Receives(Answer(kHost, 6));
  hooks::readv(kFd, pieces, 3);
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = 3;
  fake_.Receives(Answer(kHost, 7));
  hooks::recvmsg(kFd, &message, 0);
  Address4 from = Of(kServer, kDnsPort);
  iovec other = {&buffer_[2000], 500};
  mmsghdr several[2] = {{message, 0}, {message, 0}};
  several[1].msg_hdr.msg_iov = &other;
  several[1].msg_hdr.msg_iovlen = 1;
  several[1].msg_hdr.msg_name = &from;
  several[1].msg_hdr.msg_namelen = sizeof(from);
  fake_.Receives(Answer(kHost, 8));
  fake_.Receives(Answer(kHost, 9));
  EXPECT_EQ(hooks::recvmmsg(kFd, several, 2, 0, nullptr), 2);
  for (std::uint8_t last = 1; last <= 9; ++last) EXPECT_TRUE(Knows(last));
  EXPECT_FALSE(Knows(10));
  EXPECT_FALSE(shim.meter.open());
}

TEST_F(ResolverDatagrams, OfASocketThatHasAskedAreRead) {
  ReceiveFrom(Answer(kHost, 1));
  EXPECT_FALSE(Knows(1));
  Ask();
  ReceiveFrom(Answer(kHost, 1));
  EXPECT_TRUE(Knows(1));
  Receive(Answer(kHost, 2));  // does not want to know from whom
  EXPECT_TRUE(Knows(2));
  ReceiveFrom(Answer(kHost, 3), /*port=*/5353);
  EXPECT_FALSE(Knows(3));
}

TEST_F(ResolverDatagrams, OfOtherPortsAreNot) {
  Connect(kFd, kServer, 5353);
  Receive(Answer(kHost, 1));
  Ask(kServer, 853);
  ReceiveFrom(Answer(kHost, 1), 853);
  EXPECT_FALSE(Knows(1));
}

TEST_F(ResolverDatagrams, ThatAreOnlyLookedAtTellNothingYet) {
  Connect(kFd, kServer, kDnsPort);
  Receive(Answer(kHost, 1), MSG_PEEK);
  ReceiveFrom(Answer(kHost, 1), kDnsPort, kServer, MSG_PEEK);
  Receive(Answer(kHost, 1), MSG_ERRQUEUE);
  EXPECT_FALSE(Knows(1));
  Receive(Answer(kHost, 1));
  EXPECT_TRUE(Knows(1));
}

TEST_F(ResolverDatagrams, ThatAreLongerThanTheirBufferAreReadAsFarAsTheyCame) {
  Connect(kFd, kServer, kDnsPort);
  const std::string answer = Answer(kHost, 1);
  Address4 address = Of(kServer, kDnsPort);
  socklen_t length = sizeof(address);
  std::vector<char> exact(answer.size() - 1);
  std::memcpy(exact.data(), answer.data(), exact.size());
  fake_.Moves(static_cast<long>(answer.size()));
  hooks::recvfrom(kFd, exact.data(), exact.size(), MSG_TRUNC,
                  reinterpret_cast<sockaddr*>(&address), &length);
  EXPECT_FALSE(Knows(1));
}

TEST_F(ResolverDatagrams, OnlyNamesOfRulesMatter) {
  Connect(kFd, kServer, kDnsPort);
  Receive(Answer("shop.test", 1));
  EXPECT_FALSE(Knows(1));
  Receive(Answer("FR.eu.ACME-proxies.test", 1));
  EXPECT_TRUE(Knows(1));
}

TEST_F(ResolverDatagrams, AreNotReadWithoutARuleByHost) {
  WritePolicy("version: 1\nvendors: [{name: acme, match: [{port: 1}]}]\n");
  RestartShim();
  Connect(kFd, kServer, kDnsPort);
  Receive(Answer(kHost, 1));
  EXPECT_FALSE(Knows(1));
  Ask();
  EXPECT_EQ(Receive("no answer at all"), 16);
}

TEST_F(ResolverDatagrams, TheLatestAnswerNamesASharedAddress) {
  WritePolicy(
      "version: 1\nvendors:\n"
      "- {name: first, match: [{host: a.test}]}\n"
      "- {name: second, match: [{host: b.test}]}\n");
  RestartShim();
  Connect(kFd, kServer, kDnsPort);
  const auto vendor = [] {
    return std::string(
        shim.attribution.Classify({MappedIpv4(127, 0, 60, 1), 80}).view());
  };
  Receive(Answer("a.test", 1));
  EXPECT_EQ(vendor(), "first");
  Receive(Answer("b.test", 1));
  EXPECT_EQ(vendor(), "second");
  Receive(Answer("a.test", 1));
  EXPECT_EQ(vendor(), "first");
}

TEST_F(ResolverDatagrams, AreReadAndCountedWhereTheServerIsMetered) {
  Connect(kFd, kPublicServer, kDnsPort);
  fake_.set_peer(kFd, kPublicServer, kDnsPort);
  hooks::send(kFd, "?", 1, 0);
  EXPECT_TRUE(IsMetered(kFd));
  std::size_t bytes = 0;
  for (std::uint8_t last = 1; last <= 4; ++last) {
    const std::string answer = Answer(kHost, last);
    bytes += answer.size();
    iovec pieces[2] = {{buffer_.data(), 20}, {&buffer_[100], 500}};
    if (last == 1) Receive(answer);
    if (last == 2) ReceiveFrom(answer, kDnsPort, kPublicServer);
    if (last > 2) {
      fake_.Receives(answer);
      hooks::readv(kFd, pieces, 2);
    }
    EXPECT_TRUE(Knows(last)) << int{last};
  }
  EXPECT_EQ(Traffic("direct", kPublicServer)[kReceivedBytes], bytes);
}

TEST_F(ResolverDatagrams, OfASocketThatServesAVendorTooAreRead) {
  const Address4 proxy = Of(kProxyAddress, 443);
  hooks::sendto(kFd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&proxy),
                sizeof(proxy));
  Ask();
  ReceiveFrom(Answer(kHost, 1));
  EXPECT_TRUE(Knows(1));
  // What the vendor sends is no answer, whatever it looks like.
  ReceiveFrom(Answer(kHost, 2), 443, kProxyAddress);
  EXPECT_FALSE(Knows(2));
}

TEST_F(ResolverDatagrams, OfADescriptorThatCameFromElsewhereAreRead) {
  fake_.set_peer(kFd, kServer, kDnsPort);
  ReportArrived(kFd);
  Receive(Answer(kHost, 1));
  EXPECT_TRUE(Knows(1));
  // One that is not connected.
  ReportArrived(kFd);
  Ask();
  ReceiveFrom(Answer(kHost, 2));
  EXPECT_TRUE(Knows(2));
}

TEST_F(ResolverDatagrams, OfACopyAreRead) {
  Connect(kFd, kServer, kDnsPort);
  fake_.set_next_descriptor(9);
  hooks::dup(kFd);
  fake_.Receives(Answer(kHost, 1));
  hooks::recv(9, buffer_.data(), buffer_.size(), 0);
  EXPECT_TRUE(Knows(1));
  hooks::close(kFd);
  fake_.set_next_descriptor(kFd);
  hooks::open("file", 0, 0);
  EXPECT_TRUE(IsPlain(kFd));
}

TEST_F(ResolverDatagrams, ASocketIsAskedOnceWhatItIs) {
  Ask();
  const int calls = fake_.calls("getsockopt");
  Ask();
  ReceiveFrom(Answer(kHost, 1));
  Receive(Answer(kHost, 1));
  EXPECT_EQ(fake_.calls("getsockopt"), calls);
}

TEST_F(ResolverDatagrams, LeaveErrnoAlone) {
  Connect(kFd, kServer, kDnsPort);
  errno = E2BIG;
  Receive(Answer(kHost, 1));
  EXPECT_EQ(errno, E2BIG);
}

using ResolverStreams = Resolvers;

TEST_F(ResolverStreams, AreReadHoweverTheyAreCut) {
  std::string stream;
  for (std::uint8_t last = 1; last <= 3; ++last) {
    stream += Framed(Answer(kHost, last));
  }
  for (const std::size_t step : {1ul, 2ul, 17ul, 4096ul}) {
    RestartShim();
    ASSERT_FALSE(Knows(1));
    Connect(kFd, kServer, kDnsPort);
    for (std::size_t at = 0; at < stream.size(); at += step) {
      Receive(stream.substr(at, step));
    }
    for (std::uint8_t last = 1; last <= 3; ++last) EXPECT_TRUE(Knows(last));
    hooks::close(kFd);
  }
}

TEST_F(ResolverStreams, AreReadWhereConnectDoesNotWait) {
  fake_.Fails(EINPROGRESS);
  Connect(kFd, kServer, kDnsPort);
  fake_.Fails(EISCONN);
  Connect(kFd, kServer, kDnsPort);
  Receive(Framed(Answer(kHost, 1)));
  EXPECT_TRUE(Knows(1));
}

TEST_F(ResolverStreams, AreGivenUpWhenBytesWereNotSeen) {
  Connect(kFd, kServer, kDnsPort);
  Receive(std::string("\0\4", 2));
  Receive("abcd", MSG_TRUNC);
  Receive(Framed(Answer(kHost, 1)));
  EXPECT_FALSE(Knows(1));
}

TEST_F(ResolverStreams, AreNotTakenForDatagrams) {
  Connect(kFd, kServer, kDnsPort);
  Receive(Answer(kHost, 1));
  Ask();
  Receive(Answer(kHost, 1));
  EXPECT_FALSE(Knows(1));
}

TEST_F(ResolverStreams, OfTwoCopiesNeitherIsRead) {
  Connect(kFd, kServer, kDnsPort);
  fake_.set_next_descriptor(9);
  hooks::dup(kFd);
  Receive(Framed(Answer(kHost, 1)));
  fake_.Receives(Framed(Answer(kHost, 1)));
  hooks::recv(9, buffer_.data(), buffer_.size(), 0);
  EXPECT_FALSE(Knows(1));
}

TEST_F(ResolverStreams, AreReadAndCountedWhereTheServerIsMetered) {
  Connect(kFd, kPublicServer, kDnsPort);
  EXPECT_TRUE(IsMetered(kFd));
  const std::string answer = Framed(Answer(kHost, 1));
  Receive(answer.substr(0, 10));
  EXPECT_FALSE(Knows(1));
  Receive(answer.substr(10));
  EXPECT_TRUE(Knows(1));
  hooks::close(kFd);
  EXPECT_EQ(Traffic("direct", kPublicServer)[kReceivedBytes], answer.size());
  // The next one under that number.
  Connect(kFd, kPublicServer, kDnsPort);
  Receive(Framed(Answer(kHost, 2)));
  EXPECT_TRUE(Knows(2));
  Receive("x", MSG_TRUNC);
  Receive(Framed(Answer(kHost, 3)));
  EXPECT_FALSE(Knows(3));
}

}  // namespace
}  // namespace proxymeter::shim
