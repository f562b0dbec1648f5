#include "shim/protocol/quic_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "shim/protocol/quic_testing.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::protocol {
namespace {

using Status = QuicHello::Status;

static_assert(std::is_trivially_destructible_v<QuicHello>);
static_assert(sizeof(QuicHello) <= 7 * 1024);

const std::string kId = "8bytesid";

Bytes AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// As TLS over TCP has it, without the header of its record.
std::string Hello() {
  shim::TlsSession session("www.b.test");
  const unsigned char protocols[] = {2, 'h', '3'};
  SSL_set_alpn_protos(session.client(), protocols, sizeof protocols);
  session.ClientHandshake();
  return session.FromClient().substr(5);
}

// What is read, of datagrams in pieces of memory of their own.
std::string Read(const std::vector<std::string>& datagrams) {
  auto hello = std::make_unique<QuicHello>();
  hello->Reset();
  for (const std::string& datagram : datagrams) {
    const std::vector<std::uint8_t> piece(datagram.begin(), datagram.end());
    switch (hello->Consume(piece)) {
      case Status::kNeedMore:
        break;
      case Status::kDone:
        return std::string(hello->hello().server_name().view()) + " " +
               std::string(hello->hello().first_alpn());
      case Status::kLost:
        return "lost";
    }
  }
  return "more";
}

TEST(QuicHelloTest, ReadsBothVersions) {
  for (const std::uint32_t version : {kQuicV1, kQuicV2}) {
    const std::string packet =
        QuicInitial(version, kId, 0, QuicCrypto(0, Hello()));
    EXPECT_EQ(QuicVersionOfFirst(AsBytes(packet)), version);
    EXPECT_EQ(Read({packet}), "www.b.test h3");
  }
}

TEST(QuicHelloTest, FramesMayBeCutAnywhereAndComeInAnyOrder) {
  const std::string hello = Hello();
  for (std::size_t cut = 1; cut < hello.size(); ++cut) {
    const std::string front = QuicCrypto(0, hello.substr(0, cut));
    const std::string back = QuicCrypto(cut, hello.substr(cut));
    const std::string ping = "\1";
    const std::string ack({2, 1, 0, 1, 0, 0, 0});
    EXPECT_EQ(Read({QuicInitial(kQuicV1, kId, 0, back + ping + front)}),
              "www.b.test h3")
        << cut;
    EXPECT_EQ(Read({QuicInitial(kQuicV1, kId, 1, ack + back),
                    QuicInitial(kQuicV1, kId, 0x01020304, front)}),
              "www.b.test h3")
        << cut;
    EXPECT_EQ(Read({QuicInitial(kQuicV1, kId, 1, back)}), "more") << cut;
  }
}

TEST(QuicHelloTest, DatagramsSentAsOneAndPacketsBesideEachOther) {
  const std::string hello = Hello();
  const std::string front =
      QuicInitial(kQuicV1, kId, 0, QuicCrypto(0, hello.substr(0, 100)));
  const std::string back =
      QuicInitial(kQuicV1, kId, 1, QuicCrypto(100, hello.substr(100)));
  EXPECT_EQ(Read({front + back}), "www.b.test h3");
  // A packet of 0-RTT between them, and what is no packet behind.
  std::string early = "\xd0";
  early += std::string("\0\0\0\1", 4) + '\x8' + kId + '\0' + "\x14";
  early += std::string(20, 'e');
  EXPECT_EQ(Read({front + early + back}), "www.b.test h3");
  EXPECT_EQ(Read({front + std::string(100, '\0'), back}), "www.b.test h3");
}

TEST(QuicHelloTest, ARetryBringsOtherKeys) {
  const std::string hello = Hello();
  EXPECT_EQ(
      Read({QuicInitial(kQuicV1, kId, 0, QuicCrypto(0, hello.substr(0, 100))),
            QuicInitial(kQuicV1, "another id", 1, QuicCrypto(0, hello), 1200,
                        "token")}),
      "www.b.test h3");
}

TEST(QuicHelloTest, WhatIsDamagedIsLost) {
  const std::string packet =
      QuicInitial(kQuicV1, kId, 0, QuicCrypto(0, Hello()));
  // In the identifier, the number, the sample.
  for (const std::size_t at : {8, 20, 25, 30}) {
    std::string damaged = packet;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const std::string read = Read({damaged});
    EXPECT_NE(read, "www.b.test h3") << at;
  }
  EXPECT_EQ(Read({QuicInitial(kQuicV1, kId, 0, QuicCrypto(4090, "too far"))}),
            "lost");
  EXPECT_EQ(Read({QuicInitial(kQuicV1, kId, 0,
                              "\x1c"
                              "closed")}),
            "lost");
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_EQ(Read({packet.substr(0, size)}), "more") << size;
  }
}

TEST(QuicHelloTest, OnlyAClientsFirstDatagramHasAVersion) {
  const std::string packet =
      QuicInitial(kQuicV1, kId, 0, QuicCrypto(0, Hello()));
  const auto version = [](std::string text, std::size_t at, int byte) {
    text[at] = static_cast<char>(byte);
    return QuicVersionOfFirst(AsBytes(text));
  };
  EXPECT_EQ(version(packet, 0, 0xc0), kQuicV1);
  EXPECT_EQ(version(packet, 0, 0x40), 0u);  // a short header
  EXPECT_EQ(version(packet, 0, 0x80), 0u);
  EXPECT_EQ(version(packet, 0, 0xe0), 0u);  // Handshake
  EXPECT_EQ(version(packet, 4, 9), 9u);
  EXPECT_EQ(version(packet, 4, 0), 0u);  // Version Negotiation
  EXPECT_EQ(version(packet, 5, 7), 0u);
  EXPECT_EQ(version(packet, 5, 21), 0u);
  EXPECT_EQ(QuicVersionOfFirst(AsBytes(packet.substr(0, 1199))), 0u);
}

TEST(QuicHelloTest, WhatSocksPutsInFront) {
  const std::string packet =
      QuicInitial(kQuicV1, kId, 0, QuicCrypto(0, Hello()));
  const auto target = [](const std::string& text) {
    HostName host;
    const std::size_t size = SocksDatagramHeader(AsBytes(text), &host);
    return std::to_string(size) + " " + std::string(host.view());
  };
  using namespace std::string_literals;
  EXPECT_EQ(target("\0\0\0\1\xc0\0\2\1\1\xbb"s + packet), "10 192.0.2.1");
  EXPECT_EQ(target("\0\0\0\3\6a.test\1\xbb"s + packet), "13 a.test");
  EXPECT_EQ(target("\0\0\0\4"s + std::string(15, '\0') + "\1\1\xbb"s + packet),
            "22 ::1");
  EXPECT_EQ(target("\0\0\1\1\xc0\0\2\1\1\xbb"s + packet), "0 ");
  EXPECT_EQ(target("\0\0\0\1\xc0\0\2\1\1\xbb"s + packet.substr(50)), "0 ");
  EXPECT_EQ(target(packet), "0 ");
}

}  // namespace
}  // namespace proxymeter::protocol
