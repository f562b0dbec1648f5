// Connections that begin with the PROXY protocol.
#include <string>
#include <vector>

#include "shim/protocol/http2_testing.h"
#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

const std::string kLine = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
const std::string kBinary =
    std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) +
    std::string(12, '\1');
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string Request(const std::string& method) {
  return method + " http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
}

class ProxyPrefixStreamTest : public ExchangeFixture {
 protected:
  static std::uint64_t Lost() {
    return Events(kDesynchronisedHttp1) + Events(kDesynchronisedHttp2) +
           Events(kDesynchronisedSocks);
  }
};

TEST_F(ProxyPrefixStreamTest, WhatFollowsIsReadAsWithout) {
  for (const std::string& prefix : {kLine, kBinary, std::string()}) {
    for (const std::string method : {"GET", "POST", "PROPFIND", "PROXY"}) {
      SCOPED_TRACE(prefix + method);
      const std::vector<Turn> exchange = {Out(prefix + Request(method)),
                                          In(kOk), Out(Request(method)),
                                          In(kOk)};
      // By a method of that name nobody could tell which it is.
      if (method == "PROXY" && prefix.empty()) continue;
      ForEveryCut(exchange, [&] {
        const CounterSums a = Traffic(kVendor, "a.test", Protocol::kHttp1,
                                      Visibility::kPlaintext);
        EXPECT_EQ(a[kRequests], 2u);
        EXPECT_EQ(a[kResponses2xx], 2u);
        EXPECT_EQ(a[kSentBytes], Size(exchange, true));
        EXPECT_EQ(a[kReceivedBytes], Size(exchange, false));
        EXPECT_EQ(Lost(), 0u);
      });
    }
  }
}

TEST_F(ProxyPrefixStreamTest, SocksAndHttp2FollowToo) {
  const std::vector<Turn> socks = {
      Out(kLine + std::string("\5\1\0", 3)),
      In(std::string("\5\0", 2)),
      Out(std::string("\5\1\0\3\6a.test\0\x50", 13)),
      In(std::string("\5\0\0\1\0\0\0\0\0\0", 10)),
      Out(Request("POST")),
      In(kOk)};
  ForEveryCut(socks, [&] {
    const CounterSums a =
        Traffic(kVendor, "a.test", Protocol::kHttp1, Visibility::kPlaintext);
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kSentBytes], Size(socks, true));
    EXPECT_EQ(Tunnels(kVendor, Protocol::kSocks5, 0), 1u);
    EXPECT_EQ(Lost(), 0u);
  });
  using protocol::Http2Deflater;
  const std::string get = protocol::Http2Frame(
      NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
      Http2Deflater().Block({{":method", "GET"}, {":authority", "a.test"}}));
  const std::vector<Turn> http2 = {Out(kBinary + protocol::Http2Hello() + get)};
  ForEveryCut(http2, [&] {
    const CounterSums a =
        Traffic(kVendor, "a.test", Protocol::kHttp2, Visibility::kPlaintext);
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kSentBytes], Size(http2, true));
  });
}

TEST_F(ProxyPrefixStreamTest, OneIsEnoughAndInATunnelThereIsNone) {
  const auto unread = [&](std::string_view host,
                          const std::vector<Turn>& exchange) {
    PlayCut(exchange, 0);
    const CounterSums all = Traffic(kVendor, host);
    EXPECT_EQ(all[kRequests], 0u);
    EXPECT_EQ(all[kSentBytes], Size(exchange, true));
    EXPECT_EQ(all[kReceivedBytes], Size(exchange, false));
  };
  unread(kUnknownDestination, {Out(kLine + kLine + Request("GET")), In(kOk)});
  unread(kUnknownDestination,
         {Out(kBinary + kBinary + Request("GET")), In(kOk)});
  unread(kUnknownDestination,
         {Out("PROXY TCP4 x\r\n" + Request("GET")), In(kOk)});
  unread("b.test", {Out("CONNECT b.test:80 HTTP/1.1\r\n\r\n"),
                    In("HTTP/1.1 200 OK\r\n\r\n"),
                    Out(kBinary + Request("GET")), In(kOk)});
}

}  // namespace
}  // namespace proxymeter::shim
