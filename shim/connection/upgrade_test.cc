// HTTP/1 connections that become HTTP/2 (RFC 7540, 3.2).
#include <string>
#include <vector>

#include "shim/protocol/http2_testing.h"
#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

using protocol::Http2Deflater;
using protocol::Http2Frame;
using protocol::Http2Headers;
using protocol::Http2Hello;

constexpr int kLast = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;

std::string Asking(const std::string& method, const std::string& more = "") {
  return method + " / HTTP/1.1\r\nHost: shop.test\r\n" + more +
         "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
}
std::string Switching(const std::string& to = "h2c") {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
         "Upgrade: " +
         to + "\r\n\r\n";
}
std::string Settings() { return Http2Frame(NGHTTP2_SETTINGS, 0, 0, ""); }
std::string Get(std::uint32_t stream, const std::string& host) {
  return Http2Frame(NGHTTP2_HEADERS, kLast, stream,
                    Http2Deflater().Block({{":method", "GET"},
                                           {":scheme", "http"},
                                           {":authority", host},
                                           {":path", "/"}}));
}
std::string Answer(std::uint32_t stream, const std::string& status,
                   std::size_t body = 0) {
  return Http2Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                    Http2Deflater().Block({{":status", status}})) +
         Http2Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream,
                    std::string(body, 'x'));
}

class UpgradeTest : public ExchangeFixture {
 protected:
  static CounterSums Of(std::string_view host, Protocol protocol) {
    return Traffic(kVendor, host, protocol, Visibility::kPlaintext);
  }
  static std::vector<std::uint64_t> Times() {
    return {Durations(kVendor, Phase::kFirstByte),
            Durations(kVendor, Phase::kRequest)};
  }
  static std::uint64_t Lost() {
    return Events(kDesynchronisedHttp1) + Events(kDesynchronisedHttp2);
  }
};

using Counts = std::vector<std::uint64_t>;

TEST_F(UpgradeTest, TheRequestThatAsksIsTheFirstStream) {
  const std::vector<Turn> exchange = {
      Out(Asking("GET")), In(Switching() + Settings() + Answer(1, "404", 10)),
      Out(Http2Hello() + Get(3, "shop.test") + Get(5, "news.test")),
      In(Answer(5, "200") + Answer(3, "200", 300))};
  ForEveryCut(exchange, [&] {
    const CounterSums first = Of("shop.test", Protocol::kHttp1);
    EXPECT_EQ(first[kRequests], 1u);
    EXPECT_EQ(first[kResponses1xx], 0u);
    EXPECT_EQ(first[kResponses4xx], 1u);
    EXPECT_EQ(first[kSentBytes], Size(exchange, true));
    EXPECT_EQ(first[kReceivedBytes], Size(exchange, false));
    const CounterSums second = Of("shop.test", Protocol::kHttp2);
    EXPECT_EQ(second[kRequests], 1u);
    EXPECT_EQ(second[kResponses2xx], 1u);
    EXPECT_EQ(Of("news.test", Protocol::kHttp2)[kResponses2xx], 1u);
    EXPECT_EQ(Times(), (Counts{3, 3}));
    EXPECT_EQ(Lost(), 0u);
  });
}

TEST_F(UpgradeTest, AnUploadIsSentWholeBeforeHttp2) {
  const std::vector<Turn> exchange = {
      Out(Asking("POST", "Content-Length: 8\r\n") + "four"),
      In(Switching() + Settings()),
      Out("more" + Http2Hello()),
      In(Answer(1, "200")),
      Out(Get(3, "news.test")),
      In(Answer(3, "200"))};
  ForEveryCut(exchange, [&] {
    const CounterSums shop = Of("shop.test", Protocol::kHttp1);
    EXPECT_EQ(shop[kRequests], 1u);
    EXPECT_EQ(shop[kResponses2xx], 1u);
    EXPECT_EQ(shop[kSentBytes], Size(exchange, true));
    EXPECT_EQ(shop[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Of("news.test", Protocol::kHttp2)[kResponses2xx], 1u);
    EXPECT_EQ(Times(), (Counts{2, 2}));
    EXPECT_EQ(Lost(), 0u);
  });
}

TEST_F(UpgradeTest, WhoDoesNotAgreeGoesOnInHttp1) {
  const std::vector<Turn> exchange = {
      Out(Asking("GET")), In("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      Out(Asking("GET")), In(Switching() + Settings() + Answer(1, "200"))};
  ForEveryCut(exchange, [] {
    EXPECT_EQ(Of("shop.test", Protocol::kHttp1)[kRequests], 2u);
    EXPECT_EQ(Of("shop.test", Protocol::kHttp1)[kResponses2xx], 2u);
    EXPECT_EQ(Lost(), 0u);
  });
}

TEST_F(UpgradeTest, OtherProtocolsAreAnswersOfTheirOwn) {
  const std::vector<Turn> exchange = {Out(Asking("GET")),
                                      In(Switching("x") + "anything"),
                                      Out("anything"), In("else")};
  ForEveryCut(exchange, [&] {
    const CounterSums shop = Of("shop.test", Protocol::kHttp1);
    EXPECT_EQ(shop[kResponses1xx], 1u);
    EXPECT_EQ(shop[kSentBytes], Size(exchange, true));
    EXPECT_EQ(shop[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Times(), (Counts{1, 1}));
    EXPECT_EQ(Lost(), 0u);
  });
}

TEST_F(UpgradeTest, AgreedAndThenNotKeptIsALoss) {
  PlayCut({Out(Asking("GET")), In(Switching() + "HTTP/1.1 200 OK\r\n\r\n")}, 0);
  EXPECT_EQ(Of("shop.test", Protocol::kHttp1)[kRequests], 1u);
  EXPECT_EQ(Events(kDesynchronisedHttp2), 1u);
  PlayCut({Out(Asking("GET")), In(Switching()), Out("GET / HTTP/1.1\r\n\r\n")},
          0);
  EXPECT_EQ(Events(kDesynchronisedHttp2), 1u);
}

}  // namespace
}  // namespace proxymeter::shim
