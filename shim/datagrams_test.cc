#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "proxymeter/tls_session.h"
#include "shim/hooks/hooks.h"
#include "shim/protocol/quic_testing.h"
#include "shim/testing/shim_fixture.h"
#include "shim/testing/tls_client.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;

sockaddr_in Address(const char* text, std::uint16_t port = 443) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

class Datagrams : public ShimFixture {
 protected:
  Datagrams() { fake_.set_socket_type(SOCK_DGRAM); }

  static void SendTo(const char* text, std::size_t size) {
    const sockaddr_in address = Address(text);
    const char bytes[2000] = {};
    hooks::sendto(kFd, bytes, size, 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  void ReceiveFrom(const char* text, std::size_t size, int flags = 0) {
    sockaddr_in address = Address(text);
    socklen_t length = sizeof(address);
    char bytes[10];
    fake_.Moves(static_cast<long>(size));
    hooks::recvfrom(kFd, bytes, sizeof(bytes), flags,
                    reinterpret_cast<sockaddr*>(&address), &length);
  }
  static CounterSums Proxied() {
    return Traffic(kVendor, kUnknownDestination, Protocol::kUdp,
                   Visibility::kInferred);
  }
};

TEST_F(Datagrams, AConnectedSocketCountsFromItsFirstByte) {
  Connect(kFd, kProxyAddress, 443);
  EXPECT_FALSE(shim.meter.open());  // A peer is set, nothing has moved.
  fake_.set_peer(kFd, kProxyAddress);
  hooks::send(kFd, "GET / HTTP/1.1\r\n\r\n", 18, 0);
  fake_.Receives("answer");
  char buffer[16];
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  EXPECT_EQ(Proxied()[kSentBytes], 18u);
  EXPECT_EQ(Proxied()[kReceivedBytes], 6u);
  EXPECT_EQ(Proxied()[kRequests], 0u);
  // Nothing connects, nothing is adopted.
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 0u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsAdopted], 0u);
  hooks::close(kFd);
  EXPECT_FALSE(IsMetered(kFd));
}

TEST_F(Datagrams, EachGoesToTheVendorOfItsAddress) {
  WritePolicy(
      "version: 1\nvendors:\n"
      "- {name: first, match: [{cidr: 127.0.9.1/32}]}\n"
      "- {name: second, match: [{cidr: 127.0.9.2/32}]}\n");
  RestartShim();
  SendTo("127.0.9.1", 100);
  SendTo("127.0.9.2", 20);
  SendTo("127.0.8.1", 1000);  // a resolver
  SendTo("127.0.9.1", 3);
  ReceiveFrom("127.0.9.2", 7);
  ReceiveFrom("127.0.8.1", 1000);
  ReceiveFrom("127.0.9.1", 5);
  ReceiveFrom("127.0.9.1", 5, MSG_PEEK);
  EXPECT_EQ(Traffic("first", kUnknownDestination)[kSentBytes], 103u);
  EXPECT_EQ(Traffic("first", kUnknownDestination)[kReceivedBytes], 5u);
  EXPECT_EQ(Traffic("second", kUnknownDestination)[kSentBytes], 20u);
  EXPECT_EQ(Traffic("second", kUnknownDestination)[kReceivedBytes], 7u);
}

TEST_F(Datagrams, WhatIsCutOffIsCounted) {
  SendTo(kProxyAddress, 1);
  ReceiveFrom(kProxyAddress, 1400, MSG_TRUNC);
  EXPECT_EQ(Proxied()[kReceivedBytes], 1400u);
}

TEST_F(Datagrams, ManyAtOnceCountInBytes) {
  sockaddr_in address = Address(kProxyAddress);
  char bytes[300];
  iovec pieces[2] = {{bytes, 300}, {bytes, 200}};
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &address;
    messages[i].msg_hdr.msg_namelen = sizeof(address);
  }
  EXPECT_EQ(hooks::sendmmsg(kFd, messages, 2, 0), 2);
  fake_.Moves(150);
  fake_.Moves(50);
  EXPECT_EQ(hooks::recvmmsg(kFd, messages, 2, 0, nullptr), 2);
  EXPECT_EQ(Proxied()[kSentBytes], 500u);
  EXPECT_EQ(Proxied()[kReceivedBytes], 200u);
}

TEST_F(Datagrams, WhatUsesNoVendorIsDirect) {
  SendTo("203.0.114.1", 40);
  EXPECT_EQ(Traffic("direct", "203.0.114.1")[kSentBytes], 40u);
}

TEST_F(Datagrams, AddressesMeanNothingOnAStream) {
  fake_.set_socket_type(SOCK_STREAM);
  Connect(kFd, kProxyAddress, 443);
  SendTo("127.0.8.1", 5);
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 0u);
  hooks::close(kFd);
  EXPECT_EQ(Traffic(kVendor, kUnknownDestination)[kSentBytes], 5u);
}

TEST_F(Datagrams, AUnixSocketsAddressIsNone) {
  const sockaddr address = {.sa_family = AF_UNIX, .sa_data = {}};
  EXPECT_EQ(hooks::sendto(kFd, "x", 1, 0, &address, sizeof(address)), 1);
  EXPECT_FALSE(shim.meter.open());
}

// The kernel looks at the descriptor first, and not at the address then.
TEST_F(Datagrams, ABadAddressIsNotRead) {
  const auto* nowhere = reinterpret_cast<const sockaddr*>(8);
  for (const int error : {EFAULT, EBADF, ENOTSOCK, EINVAL}) {
    fake_.Fails(error);
    EXPECT_EQ(hooks::connect(kFd, nowhere, 16), -1);
    fake_.Fails(error);
    EXPECT_EQ(hooks::sendto(kFd, "x", 1, MSG_FASTOPEN, nowhere, 16), -1);
    fake_.Fails(error);
    EXPECT_EQ(hooks::sendto(kFd, "x", 1, 0, nowhere, 16), -1);
    EXPECT_EQ(errno, error);
  }
}

using protocol::kQuicV1;
using protocol::kQuicV2;
using protocol::QuicCrypto;
using protocol::QuicInitial;

class QuicDatagrams : public Datagrams {
 protected:
  QuicDatagrams() : hello_(ClientHello("www.b.test").substr(5)) {}

  static void SendBytesTo(const std::string& bytes, bool as_message = false) {
    if (as_message) {
      SendPieces(bytes, {bytes.size()});
      return;
    }
    const sockaddr_in address = Address(kProxyAddress);
    hooks::sendto(kFd, bytes.data(), bytes.size(), 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  enum class By { kMessage, kMessages, kConnected, kVector };
  // `sizes` of the pieces; the last one takes the rest.
  static void SendPieces(const std::string& bytes,
                         std::initializer_list<std::size_t> sizes,
                         By by = By::kMessage) {
    std::vector<iovec> pieces;
    std::size_t at = 0;
    for (const std::size_t size : sizes) {
      pieces.push_back({const_cast<char*>(bytes.data()) + at, size});
      at += size;
    }
    pieces.back().iov_len += bytes.size() - at;
    sockaddr_in address = Address(kProxyAddress);
    mmsghdr message = {};
    message.msg_hdr.msg_iov = pieces.data();
    message.msg_hdr.msg_iovlen = pieces.size();
    if (by != By::kConnected) {
      message.msg_hdr.msg_name = &address;
      message.msg_hdr.msg_namelen = sizeof(address);
    }
    switch (by) {
      case By::kMessages:
        hooks::sendmmsg(kFd, &message, 1, 0);
        return;
      case By::kVector:
        hooks::writev(kFd, pieces.data(), static_cast<int>(pieces.size()));
        return;
      default:
        hooks::sendmsg(kFd, &message.msg_hdr, 0);
    }
  }
  static CounterSums Quic(std::string_view host) {
    return Traffic(kVendor, host, Protocol::kQuic, Visibility::kInferred);
  }
  static std::uint64_t Sessions(TlsVersion version, Alpn alpn = Alpn::kNone) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
      const JournalRow& row = shim.meter.journal().rows()[i];
      if (row.kind == RowKind::kTlsSession &&
          row.code == TlsSessionCode(version, alpn)) {
        sum += row.counters[kTlsSessions];
      }
    }
    return sum;
  }

  const std::string hello_;
};

TEST_F(QuicDatagrams, TheFirstOneTellsVersionAndHost) {
  for (const auto& [number, version] : {std::pair(kQuicV1, TlsVersion::kQuic1),
                                        {kQuicV2, TlsVersion::kQuic2}}) {
    for (const bool as_message : {false, true}) {
      RestartShim();
      SendBytesTo(QuicInitial(number, "8bytesid", 0, QuicCrypto(0, hello_)),
                  as_message);
      ReceiveFrom(kProxyAddress, 700);
      SendTo(kProxyAddress, 50);
      EXPECT_EQ(Quic("www.b.test")[kSentBytes], 1250u);
      EXPECT_EQ(Quic("www.b.test")[kReceivedBytes], 700u);
      EXPECT_EQ(Quic("www.b.test")[kRequests], 0u);
      EXPECT_EQ(Sessions(version), 1u);
      EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes],
                Vendor(kVendor)[kReleasedSentBytes]);
      hooks::close(kFd);
    }
  }
}

TEST_F(QuicDatagrams, AHelloInTwoIsWaitedFor) {
  Connect(kFd, kProxyAddress, 443);
  fake_.set_peer(kFd, kProxyAddress);
  const std::string back =
      QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(99, hello_.substr(99)));
  const std::string front =
      QuicInitial(kQuicV1, "8bytesid", 1, QuicCrypto(0, hello_.substr(0, 99)));
  hooks::send(kFd, back.data(), back.size(), 0);
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 1200u);
  hooks::send(kFd, front.data(), front.size(), 0);
  EXPECT_EQ(Quic("www.b.test")[kSentBytes], 2400u);
  EXPECT_EQ(Sessions(TlsVersion::kQuic1), 1u);
}

TEST_F(QuicDatagrams, WhatCannotBeReadIsNamedAllTheSame) {
  std::string other =
      QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, hello_));
  other[4] = 9;
  SendBytesTo(other);
  EXPECT_EQ(
      Quic(kUnknownDestination)[kSentBytes] + Vendor(kVendor)[kHeldSentBytes],
      1200u);
  hooks::close(kFd);
  EXPECT_EQ(Quic(kUnknownDestination)[kSentBytes], 1200u);
  RestartShim();
  const std::string front =
      QuicInitial(kQuicV1, "8bytesid", 1, QuicCrypto(0, hello_.substr(0, 99)));
  for (int i = 0; i < 9; ++i) SendBytesTo(front);
  EXPECT_EQ(Quic(kUnknownDestination)[kSentBytes], 9u * 1200u);
  RestartShim();
  SendBytesTo(front);
  hooks::close(kFd);
  EXPECT_EQ(Quic(kUnknownDestination)[kSentBytes], 1200u);
}

TEST_F(QuicDatagrams, OneOfAnotherVersionIsASessionAllTheSame) {
  std::string other =
      QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, hello_));
  other[4] = 9;
  for (int i = 0; i < 3; ++i) SendBytesTo(other);
  // The server speaks only version 1: the client begins anew.
  SendBytesTo(QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, hello_)));
  EXPECT_EQ(Quic("www.b.test")[kSentBytes], 4u * 1200u);
  EXPECT_EQ(Sessions(TlsVersion::kQuicOther, Alpn::kHidden), 1u);
  EXPECT_EQ(Sessions(TlsVersion::kQuic1), 0u);
}

TEST_F(QuicDatagrams, OneInSeveralPiecesIsReadWhole) {
  const std::string first =
      QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, hello_));
  using namespace std::string_literals;
  // The longest header that SOCKS has.
  const std::string socks = "\0\0\0\3\xff"s + std::string(255, 'a') + "\1\xbb"s;
  for (const By by :
       {By::kMessage, By::kMessages, By::kConnected, By::kVector}) {
    SCOPED_TRACE(static_cast<int>(by));
    const auto begin = [&] {
      RestartShim();
      if (by != By::kConnected && by != By::kVector) return;
      Connect(kFd, kProxyAddress, 443);
      fake_.set_peer(kFd, kProxyAddress);
    };
    const auto expect = [&](std::size_t sent) {
      EXPECT_EQ(Quic("www.b.test")[kSentBytes], sent);
      EXPECT_EQ(Sessions(TlsVersion::kQuic1), 1u);
      EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes],
                Vendor(kVendor)[kReleasedSentBytes]);
      hooks::close(kFd);
    };
    begin();
    SendPieces(first, {1, 0, 30}, by);
    SendPieces("more", {1, 1}, by);
    expect(1204);
    begin();
    SendPieces(socks + first, {socks.size(), 500}, by);
    expect(socks.size() + 1200);
    // Several that the kernel takes for one: more than is looked at.
    begin();
    SendPieces(first + std::string(60'000, 'x'), {700, 600}, by);
    expect(61'200);
  }
}

TEST_F(QuicDatagrams, AHelloInTwoIsReadThoughEachIsInPieces) {
  SendPieces(
      QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(99, hello_.substr(99))),
      {1199});
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 1200u);
  SendPieces(
      QuicInitial(kQuicV1, "8bytesid", 1, QuicCrypto(0, hello_.substr(0, 99))),
      {10, 20, 30});
  EXPECT_EQ(Quic("www.b.test")[kSentBytes], 2400u);
}

TEST_F(QuicDatagrams, PiecesOfOtherThingsAreBytes) {
  SendPieces(std::string(1200, 'x'), {600});
  SendPieces(std::string(3, 'x'), {1, 1});
  EXPECT_EQ(Proxied()[kSentBytes], 1203u);
}

TEST_F(QuicDatagrams, BySocksItIsForTheTargetOrTheName) {
  using namespace std::string_literals;
  const std::string socks = "\0\0\0\3\6a.test\1\xbb"s;
  SendBytesTo(socks +
              QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, hello_)));
  EXPECT_EQ(Quic("www.b.test")[kSentBytes], 1213u);
  RestartShim();
  const std::string nameless = ClientHello("").substr(5);
  SendBytesTo(socks +
              QuicInitial(kQuicV1, "8bytesid", 0, QuicCrypto(0, nameless)));
  EXPECT_EQ(Quic("a.test")[kSentBytes], 1213u);
}

}  // namespace
}  // namespace proxymeter::shim
