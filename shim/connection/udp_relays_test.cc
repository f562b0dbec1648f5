// What SOCKS proxies answer: where they take datagrams, and all their codes.
#include "shim/connection/udp_relays.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kUdp = 9;

std::string Raw(std::initializer_list<int> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

const std::string kGreeting = Raw({5, 1, 0});
const std::string kNoPassword = Raw({5, 0});
const std::string kAssociate = Raw({5, 3, 0, 1, 0, 0, 0, 0, 0, 0});
const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

class UdpRelaysTest : public ExchangeFixture {
 protected:
  // The relay is at a port that the policy does not know.
  void SetUp() override {
    WritePolicy(
        "version: 1\nvendors:\n- {name: acme, match: [{port: 1080}]}\n");
    ExchangeFixture::SetUp();
    RestartShim();
  }

  void Associate(const std::string& bound) {
    Connect(kFd, "127.0.9.1", 1080);
    Send(kGreeting);
    Receive(kNoPassword);
    Send(kAssociate);
    Receive(Raw({5, 0, 0}) + bound);
  }
  void SendDatagram(const char* text, std::uint16_t port, std::size_t size) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text, &address.sin_addr);
    const char bytes[1000] = {};
    fake_.set_socket_type(SOCK_DGRAM);
    hooks::sendto(kUdp, bytes, size, 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    fake_.set_socket_type(SOCK_STREAM);
  }
  static std::uint64_t Datagrams() {
    return Traffic("acme", kUnknownDestination, Protocol::kUdp,
                   Visibility::kInferred)[kSentBytes];
  }
};

TEST_F(UdpRelaysTest, DatagramsToTheRelayAreTheVendors) {
  SendDatagram("127.0.9.2", 5000, 1);
  Associate(Raw({1, 127, 0, 9, 2, 5000 >> 8, 5000 & 0xff}));
  SendDatagram("127.0.9.2", 5000, 20);
  SendDatagram("127.0.9.2", 5001, 300);
  SendDatagram("127.0.9.1", 5000, 300);
  EXPECT_EQ(Datagrams(), 20u);
  hooks::close(kFd);
  SendDatagram("127.0.9.2", 5000, 300);
  // One that was sent to before stays what it is until another comes.
  EXPECT_EQ(Datagrams(), 320u);
  hooks::close(kUdp);
  SendDatagram("127.0.9.2", 5000, 300);
  EXPECT_EQ(Datagrams(), 320u);
  EXPECT_EQ(Tunnels("acme", Protocol::kSocks5, 0), 1u);
  // The control connection has no destination.
  EXPECT_EQ(Traffic("acme", "0.0.0.0")[kSentBytes], 0u);
  EXPECT_EQ(Traffic("acme", kUnknownDestination, Protocol::kTcp,
                    Visibility::kInferred)[kSentBytes],
            kGreeting.size() + kAssociate.size());
}

TEST_F(UdpRelaysTest, NoAddressIsTheProxysOwn) {
  Associate(Raw({1, 0, 0, 0, 0, 0x13, 0x88}));
  SendDatagram("127.0.9.1", 5000, 20);
  EXPECT_EQ(Datagrams(), 20u);
}

TEST_F(UdpRelaysTest, WhatIsRefusedOrIsATunnelHasNone) {
  Connect(kFd, "127.0.9.1", 1080);
  Send(kGreeting);
  Receive(kNoPassword);
  Send(kAssociate);
  Receive(Raw({5, 7, 0, 1, 127, 0, 9, 2, 0x13, 0x88}));
  SendDatagram("127.0.9.2", 5000, 20);
  hooks::close(kFd);
  Connect(kFd, "127.0.9.1", 1080);
  Send(kGreeting);
  Receive(kNoPassword);
  Send(Raw({5, 1, 0, 1, 192, 0, 2, 1, 0, 80}));
  Receive(Raw({5, 0, 0, 1, 127, 0, 9, 2, 0x13, 0x88}));
  SendDatagram("127.0.9.2", 5000, 20);
  EXPECT_EQ(Datagrams(), 0u);
}

TEST(UdpRelaysTable, HasRoomForSoManyAndMakesRoom) {
  static UdpRelays relays;
  JournalRow row{};
  const auto owner = [](std::uint32_t i) {
    return reinterpret_cast<const Connection*>(std::uintptr_t{i + 1} * 64);
  };
  const auto at = [](std::uint32_t i) {
    return Endpoint{MappedIpv4(192, 0, 2, 1),
                    static_cast<std::uint16_t>(1000 + i)};
  };
  for (std::uint32_t i = 0; i < UdpRelays::kMost; ++i) {
    EXPECT_TRUE(relays.Add(at(i), owner(i), &row));
  }
  EXPECT_FALSE(relays.Add(at(99), owner(99), &row));
  EXPECT_EQ(relays.Find(at(0)), &row);
  EXPECT_EQ(relays.Find(at(99)), nullptr);
  relays.Remove(owner(0));
  EXPECT_EQ(relays.Find(at(0)), nullptr);
  EXPECT_TRUE(relays.Add(at(99), owner(99), &row));
  EXPECT_EQ(relays.Find(at(99)), &row);
  for (std::uint32_t i = 1; i < 100; ++i) relays.Remove(owner(i));
  EXPECT_EQ(relays.Find(at(99)), nullptr);
}

class SocksCodesTest : public ExchangeFixture {};

// Of every reply code: counted as such, a tunnel only where it is granted.
TEST_F(SocksCodesTest, EveryCodeIsCountedAsItIs) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
  for (int code = 0; code <= 0xfd; ++code) {
    SCOPED_TRACE(code);
    PlayCut({Out(kGreeting), In(kNoPassword),
             Out(Raw({5, 1, 0, 1, 192, 0, 2, 1, 0, 80})),
             In(Raw({5, code, 0, 1, 0, 0, 0, 0, 0, 0}))},
            0);
    EXPECT_EQ(
        Tunnels(kVendor, Protocol::kSocks5, static_cast<std::uint16_t>(code)),
        1u);
    EXPECT_EQ(Durations(kVendor, Phase::kTunnel), code == 0 ? 1u : 0u);
    std::uint64_t errors = 0;
    for (std::uint8_t error = 0; error <= kLastProxyError; ++error) {
      errors += ProxyErrors(kVendor, static_cast<ProxyError>(error));
    }
    EXPECT_EQ(errors, code == 0 ? 0u : 1u);
  }
  for (const int code : {90, 91, 92, 93}) {
    SCOPED_TRACE(code);
    PlayCut({Out(Raw({4, 1, 0, 80, 192, 0, 2, 1, 0})),
             In(Raw({0, code, 0, 0, 0, 0, 0, 0})), Out(get), In(kAnswer)},
            0);
    EXPECT_EQ(
        Tunnels(kVendor, Protocol::kSocks4, static_cast<std::uint16_t>(code)),
        1u);
  }
  PlayCut({Out(kGreeting), In(Raw({5, 0xff}))}, 0);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kSocks5, 0xff), 1u);
  PlayCut({Out(Raw({5, 1, 2, 1, 1, 'u', 1, 'p'})), In(Raw({5, 2, 1, 1}))}, 0);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kSocks5, 0xfe), 1u);
}

}  // namespace
}  // namespace proxymeter::shim
