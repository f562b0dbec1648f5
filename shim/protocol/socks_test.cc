#include "shim/protocol/socks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "shim/protocol/observers.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

static_assert(std::is_trivially_destructible_v<SocksClientParser>);
static_assert(std::is_trivially_destructible_v<SocksServerParser>);
static_assert(std::is_trivially_copyable_v<SocksClientParser>);
static_assert(sizeof(SocksClientParser) <= 320);
static_assert(sizeof(SocksServerParser) <= 32);
[[maybe_unused]] constinit SocksClientParser constant_initialized_client;
[[maybe_unused]] constinit SocksServerParser constant_initialized_server;

std::string Raw(std::initializer_list<int> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

const std::string kGreeting = Raw({5, 1, 0});
const std::string kPasswordGreeting = Raw({5, 2, 0, 2});
const std::string kPassword = Raw({1, 4}) + "user" + Raw({6}) + "secret";
const std::string kIpv4Request = Raw({5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb});
const std::string kDomainRequest =
    Raw({5, 1, 0, 3, 11}) + "Example.COM" + Raw({0, 80});

/// What the client's bytes say; the rest of the input has to stay.
std::string ReadClient(const std::string& bytes) {
  const auto seen = FeedEveryWay(bytes + "tunnel", SocksClientObserver{});
  EXPECT_EQ(seen.size(), 1u);
  if (seen.empty()) return "";
  EXPECT_EQ(seen[0].bytes, bytes);
  return seen[0].event;
}

std::string ReadServer(const std::string& bytes, int version = 5) {
  const auto seen =
      FeedEveryWay(bytes + "tunnel", SocksServerObserver(version));
  EXPECT_EQ(seen.size(), 1u);
  if (seen.empty()) return "";
  EXPECT_EQ(seen[0].bytes, bytes);
  return seen[0].event;
}

TEST(SocksClientTest, ReadsSocks5) {
  EXPECT_EQ(ReadClient(kGreeting + kIpv4Request), "5 1 192.0.2.7 443");
  EXPECT_EQ(ReadClient(kGreeting + kDomainRequest), "5 1 example.com 80");
  EXPECT_EQ(ReadClient(kGreeting +
                       Raw({5, 2, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0,    0,
                            0, 0, 0, 0, 0,    0, 0,   0,    1, 0xff, 0xff})),
            "5 2 2001:db8::1 65535");
  EXPECT_EQ(ReadClient(kGreeting + Raw({5, 3, 0, 1, 0, 0, 0, 0, 0, 0})),
            "5 3 0.0.0.0 0");
}

TEST(SocksClientTest, ReadsSocks5WithPassword) {
  EXPECT_EQ(ReadClient(kPasswordGreeting + kPassword + kDomainRequest),
            "5 1 example.com 80");
  EXPECT_EQ(ReadClient(kPasswordGreeting + kDomainRequest),
            "5 1 example.com 80");
  EXPECT_EQ(ReadClient(kPasswordGreeting + Raw({1, 0, 0}) + kIpv4Request),
            "5 1 192.0.2.7 443");
  EXPECT_EQ(
      ReadClient(kPasswordGreeting + Raw({1, 255}) + std::string(255, '\5') +
                 Raw({255}) + std::string(255, '\1') + kIpv4Request),
      "5 1 192.0.2.7 443");
}

TEST(SocksClientTest, KeepsNoCredentials) {
  SocksClientParser parser;
  const std::string bytes = kPasswordGreeting + kPassword + kDomainRequest;
  parser.Consume(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  const std::string memory(reinterpret_cast<const char*>(&parser),
                           sizeof(parser));
  EXPECT_NE(memory.find("example.com"), std::string::npos);
  EXPECT_EQ(memory.find("user"), std::string::npos);
  EXPECT_EQ(memory.find("secret"), std::string::npos);
}

TEST(SocksClientTest, ReadsSocks4) {
  EXPECT_EQ(ReadClient(Raw({4, 1, 0, 80, 192, 0, 2, 1}) + "me" + Raw({0})),
            "4 1 192.0.2.1 80");
  EXPECT_EQ(ReadClient(Raw({4, 2, 0, 80, 0, 0, 0, 0, 0})), "4 2 0.0.0.0 80");
  EXPECT_EQ(ReadClient(Raw({4, 1, 0, 80, 0, 0, 1, 1, 0})), "4 1 0.0.1.1 80");
}

TEST(SocksClientTest, ReadsSocks4a) {
  EXPECT_EQ(ReadClient(Raw({4, 1, 1, 0xbb, 0, 0, 0, 1}) + "me" + Raw({0}) +
                       "Example.com" + Raw({0})),
            "4 1 example.com 443");
  EXPECT_EQ(ReadClient(Raw({4, 1, 0, 80, 0, 0, 0, 255, 0}) +
                       std::string(1000, 'a') + Raw({0})),
            "4 1 _invalid 80");
}

TEST(SocksClientTest, AnAddressAsDomainIsNoLessATarget) {
  EXPECT_EQ(ReadClient(kGreeting + Raw({5, 1, 0, 3, 11}) + "2001:DB8::1" +
                       Raw({0, 80})),
            "5 1 2001:db8::1 80");
  EXPECT_EQ(ReadClient(kGreeting + Raw({5, 1, 0, 3, 3}) + "a b" + Raw({0, 80})),
            "5 1 _invalid 80");
  EXPECT_EQ(ReadClient(kGreeting + Raw({5, 1, 0, 3, 255}) +
                       std::string(255, 'x') + Raw({0, 80})),
            "5 1 _invalid 80");
}

TEST(SocksClientTest, LosesItselfAtTheFirstWrongByte) {
  for (const std::string& bytes :
       {Raw({0}), Raw({6}), Raw({0xff}), std::string("G"), Raw({5, 0}),
        kGreeting + Raw({1}), kGreeting + Raw({4}), kGreeting + Raw({5, 0}),
        kGreeting + Raw({5, 4}), kGreeting + Raw({5, 1, 0, 2}),
        kGreeting + Raw({5, 1, 0, 3, 0}),
        kPasswordGreeting + kPassword + Raw({1}), Raw({4, 3}), Raw({4, 0}),
        Raw({4, 1, 0, 80, 0, 0, 0, 1, 0, 0})}) {
    EXPECT_THAT(FeedEveryWay(bytes + "more", SocksClientObserver{}),
                ElementsAre(Seen{"lost", bytes.substr(0, bytes.size() - 1)}));
  }
}

TEST(SocksClientTest, WaitsForTheRest) {
  const std::string bytes = kPasswordGreeting + kPassword + kDomainRequest;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Events(Feed(Cut(bytes.substr(0, size), size, 1),
                            SocksClientObserver{})),
                ElementsAre());
  }
}

TEST(SocksClientTest, ResetStartsAnewFromAnyPlace) {
  const std::string bytes = kPasswordGreeting + kPassword + kDomainRequest;
  const Bytes data(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                   bytes.size());
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    SocksClientObserver observer;
    observer.Consume(data.first(size));
    EXPECT_EQ(observer.parser.version(), 5);
    observer.parser.Reset();
    EXPECT_EQ(observer.parser.version(), 0);
    EXPECT_TRUE(observer.parser.host().empty());
    EXPECT_THAT(Events(Feed(Cut(bytes, 7, 7), observer)),
                ElementsAre("5 1 example.com 80"));
    EXPECT_THAT(Feed(Cut(kGreeting + kPassword, 7, 7), observer),
                ElementsAre(Seen{"lost", kGreeting}));
  }
}

TEST(SocksServerTest, ReadsSocks5) {
  const std::string reply = Raw({5, 0, 0, 1, 10, 0, 0, 1, 4, 0});
  EXPECT_EQ(ReadServer(Raw({5, 0}) + reply), "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 2, 1, 0}) + reply), "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 2, 5, 0}) + reply), "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 0, 5, 0, 0, 4}) + std::string(18, '\7')),
            "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 0, 5, 0, 0, 3, 4}) + "host" + Raw({0, 80})),
            "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 0, 5, 0, 0, 3, 0, 0, 0})), "granted 0");
  EXPECT_EQ(ReadServer(Raw({5, 0, 5, 0, 0, 3, 255}) + std::string(257, 'h')),
            "granted 0");
}

TEST(SocksServerTest, TellsWhatIsBound) {
  const auto bound = [](const std::string& bytes) {
    SocksServerObserver observer(5);
    EXPECT_THAT(Events(Feed(Cut(bytes, 3, 1), observer)), SizeIs(1));
    observer.parser.Consume(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    Endpoint endpoint;
    if (!observer.parser.Bound(&endpoint)) return std::string("none");
    HostName host;
    host.AssignAddress({endpoint.address.data(), endpoint.address.size()});
    return std::string(host.view()) + " " + std::to_string(endpoint.port);
  };
  EXPECT_EQ(bound(Raw({5, 0, 5, 0, 0, 1, 192, 0, 2, 7, 4, 1})),
            "192.0.2.7 1025");
  EXPECT_EQ(bound(Raw({5, 0, 5, 0, 0, 4, 0x20, 1, 0xd, 0xb8, 0,    0,
                       0, 0, 0, 0, 0, 0, 0,    0, 0,   1,    0xff, 0xff})),
            "2001:db8::1 65535");
  EXPECT_EQ(bound(Raw({5, 0, 5, 0, 0, 3, 1, 'a', 0, 80})), "none");
  EXPECT_EQ(bound(Raw({5, 0xff})), "none");
}

TEST(SocksServerTest, ReadsRefusals) {
  // Those of RFC 1928, 6, and one that is not assigned.
  for (int code = 1; code <= 9; ++code) {
    const std::string refused = "refused " + std::to_string(code);
    EXPECT_EQ(ReadServer(Raw({5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0})),
              refused);
    EXPECT_EQ(ReadServer(Raw({5, 2, 1, 0, 5, code, 0, 0})), refused);
  }
  EXPECT_EQ(ReadServer(Raw({5, 0, 5, 1, 0, 0})), "refused 1");
  EXPECT_EQ(ReadServer(Raw({5, 0xff})), "refused 255");
  EXPECT_EQ(ReadServer(Raw({5, 2, 1, 1})), "refused 254");
  EXPECT_EQ(ReadServer(Raw({5, 2, 1, 0xff})), "refused 254");
}

TEST(SocksServerTest, ReadsSocks4) {
  EXPECT_EQ(ReadServer(Raw({0, 90, 0, 80, 1, 2, 3, 4}), 4), "granted 90");
  EXPECT_EQ(ReadServer(Raw({4, 90, 0, 0, 0, 0, 0, 0}), 4), "granted 90");
  EXPECT_EQ(ReadServer(Raw({0, 91, 0, 0, 0, 0, 0, 0}), 4), "refused 91");
  EXPECT_EQ(ReadServer(Raw({0, 92, 0, 0, 0, 0, 0, 0}), 4), "refused 92");
  EXPECT_EQ(ReadServer(Raw({0, 93, 0, 0, 0, 0, 0, 0}), 4), "refused 93");
}

TEST(SocksServerTest, LosesItselfAtTheFirstWrongByte) {
  const auto expect_lost = [](const std::string& bytes, int version) {
    EXPECT_THAT(FeedEveryWay(bytes + "more", SocksServerObserver(version)),
                ElementsAre(Seen{"lost", bytes.substr(0, bytes.size() - 1)}));
  };
  for (const std::string& bytes :
       {Raw({4}), Raw({0xff}), std::string("H"), Raw({5, 1}), Raw({5, 0, 4}),
        Raw({5, 0, 5, 0, 0, 2}), Raw({5, 2, 2})}) {
    expect_lost(bytes, 5);
  }
  for (const std::string& bytes : {Raw({5}), Raw({0, 0}), Raw({0, 94})}) {
    expect_lost(bytes, 4);
  }
  expect_lost(Raw({5}), 0);
}

TEST(SocksServerTest, ResetStartsAnewFromAnyPlace) {
  const std::string bytes = Raw({5, 2, 1, 0, 5, 0, 0, 1, 9, 9, 9, 9, 0, 80});
  const std::string refusal = Raw({0, 91, 0, 0, 0, 0, 0, 0});
  const Bytes data(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                   bytes.size());
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    SocksServerObserver observer(5);
    observer.Consume(data.first(size));
    observer.parser.Reset(4);
    EXPECT_THAT(Events(Feed(Cut(refusal, 3, 3), observer)),
                ElementsAre("refused 91"));
    observer.parser.Reset(5);
    EXPECT_THAT(Events(Feed(Cut(bytes, 3, 3), observer)),
                ElementsAre("granted 0"));
  }
}

}  // namespace
}  // namespace proxymeter::protocol
