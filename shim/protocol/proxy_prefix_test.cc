#include "shim/protocol/proxy_prefix.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "shim/protocol/observers.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

static_assert(std::is_trivially_destructible_v<ProxyPrefixParser>);
static_assert(sizeof(ProxyPrefixParser) <= 32);

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string Raw(std::initializer_list<int> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

/// The event, and how many bytes went before it.
std::string Read(const std::string& bytes) {
  const auto seen = FeedEveryWay(bytes, ProxyPrefixObserver{});
  EXPECT_EQ(seen.size(), 1u);
  if (seen.empty()) return "";
  return seen[0].event + " " + std::to_string(seen[0].bytes.size());
}

/// `prefix` is one, and what is behind it stays.
void ExpectPrefix(const std::string& prefix) {
  EXPECT_EQ(Read(prefix + "GET / HTTP/1.1\r\n"),
            "end " + std::to_string(prefix.size()))
      << prefix;
}
void ExpectMalformed(const std::string& bytes) {
  EXPECT_EQ(Read(bytes).rfind("malformed ", 0), 0u) << bytes;
}

TEST(ProxyPrefixTest, ReadsLines) {
  ExpectPrefix("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  ExpectPrefix("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
  ExpectPrefix("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 0 65535\r\n");
  ExpectPrefix("PROXY UNKNOWN\r\n");
  ExpectPrefix("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n");
  // As long as the longest.
  ExpectPrefix("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n");
}

TEST(ProxyPrefixTest, ReadsTheBinaryForm) {
  const auto v2 = [](int command, int family, int size) {
    return kSignature + Raw({command, family, size >> 8, size & 0xff}) +
           std::string(size, '\r');
  };
  ExpectPrefix(v2(0x21, 0x11, 12));
  ExpectPrefix(v2(0x21, 0x12, 12));
  ExpectPrefix(v2(0x21, 0x21, 36));
  ExpectPrefix(v2(0x21, 0x31, 216));
  ExpectPrefix(v2(0x21, 0x11, 300));  // with TLVs behind the addresses
  ExpectPrefix(v2(0x21, 0x00, 0));
  ExpectPrefix(v2(0x20, 0x00, 0));
  ExpectPrefix(v2(0x20, 0x11, 3));  // of the proxy's own, to be ignored
  for (const auto& bad :
       {v2(0x11, 0x11, 12), v2(0x22, 0x11, 12), v2(0x21, 0x41, 12),
        v2(0x21, 0x13, 12), v2(0x21, 0x11, 11), v2(0x21, 0x21, 35),
        v2(0x21, 0x31, 215)}) {
    ExpectMalformed(bad);
  }
}

TEST(ProxyPrefixTest, TheLongestBinaryFormIsAsLongAsItsLengthCanSay) {
  const std::string longest =
      kSignature + Raw({0x21, 0x11, 0xff, 0xff}) + std::string(65535, 'x');
  for (const std::size_t first : {1u, 15u, 16u, 17u, 60000u, 65551u}) {
    const auto seen =
        Feed(Cut(longest + "more", first, 5000), ProxyPrefixObserver{});
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].event, "end");
    EXPECT_EQ(seen[0].bytes.size(), longest.size());
  }
}

TEST(ProxyPrefixTest, WhatNoServerTakesIsMalformed) {
  for (const std::string line :
       {"TCP4 1.2.3.4 1.2.3.4 1\r\n", "TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "TCP4 1.2.3.4 1.2.3.4 1 123456\r\n",
        "TCP4 1.2.3.4 1.2.3.4 1 x\r\n", "TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
        "TCP4 ::1 1.2.3.4 1 2\r\n", "TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "TCP4 1.2.3.4 1.2.3.4 1 2\rx", "TCP4\r\n", "TCP5 1 2 3 4\r\n",
        "XTCP4 1.2.3.4 1.2.3.4 1 2\r\n", "NOWN\r\n", "UNKNOWNS\r\n", " \r\n",
        "\r\n"}) {
    ExpectMalformed("PROXY " + line);
  }
  ExpectMalformed("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n");
}

TEST(ProxyPrefixTest, OtherFirstBytesAreGivenBack) {
  EXPECT_EQ(Read("POST / HTTP/1.1\r\n"), "absent P 1");
  EXPECT_EQ(Read("PRI * HTTP/2.0\r\n"), "absent PR 2");
  EXPECT_EQ(Read("PROPFIND / HTTP/1.1\r\n"), "absent PRO 3");
  EXPECT_EQ(Read("PROXY/ x"), "absent PROXY 5");
  EXPECT_EQ(Read("\r\nGET / HTTP/1.1\r\n"), "absent \r\n 2");
  EXPECT_EQ(Read("GET"), "absent  0");
}

}  // namespace
}  // namespace proxymeter::protocol
