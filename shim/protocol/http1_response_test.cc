#include "shim/protocol/http1_response.h"

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

static_assert(std::is_trivially_destructible_v<Http1ResponseParser>);
static_assert(std::is_trivially_copyable_v<Http1ResponseParser>);
static_assert(sizeof(Http1ResponseParser) <= 256);
[[maybe_unused]] constinit Http1ResponseParser constant_initialized;

std::vector<Seen> Read(std::string_view input,
                       Method request = Method::kOther) {
  return FeedEveryWay(input, ResponseObserver{request, {}});
}

TEST(Http1ResponseTest, ReadsALength) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\n";
  EXPECT_THAT(Read(head + "hello"),
              ElementsAre(Seen{"head 200", head}, Seen{"end", "hello"}));
}

TEST(Http1ResponseTest, ReadsSeveralOnOneConnection) {
  const std::string moved =
      "HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\n\r\n";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunks =
      "4;x=y\r\nWiki\r\n6\r\npedia \r\n0\r\nExpires: 0\r\nX: y\r\n\r\n";
  const std::string gone = "HTTP/1.0 410\r\nContent-Length: 1\r\n\r\n";
  EXPECT_THAT(Read(moved + chunked + chunks + "\r\n" + gone + "x"),
              ElementsAre(Seen{"head 301", moved}, Seen{"end", ""},
                          Seen{"head 200", chunked}, Seen{"end", chunks},
                          Seen{"head 410", "\r\n" + gone}, Seen{"end", "x"}));
}

TEST(Http1ResponseTest, ReadsInterimHeads) {
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  EXPECT_THAT(
      Read(go_on + hints + head + "x"),
      ElementsAre(Seen{"interim 100", go_on}, Seen{"interim 103", hints},
                  Seen{"head 200", head}, Seen{"end", "x"}));
}

TEST(Http1ResponseTest, AnInterimLengthMeansNothingToTheFinalHead) {
  EXPECT_THAT(Events(Read("HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n"
                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")),
              ElementsAre("interim 100", "head 200", "end"));
}

TEST(Http1ResponseTest, SomeHaveNoBody) {
  const std::string fields =
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto ends_at_once = [&](const std::string& line, Method request) {
    const std::string head = "HTTP/1.1 " + line + "\r\n" + fields;
    const auto seen = Read(head, request);
    EXPECT_EQ(seen.size(), 2u) << line;
    return seen.size() == 2 && seen[0].bytes == head && seen[1].event == "end";
  };
  EXPECT_TRUE(ends_at_once("200 OK", Method::kHead));
  EXPECT_TRUE(ends_at_once("404 Not Found", Method::kHead));
  EXPECT_TRUE(ends_at_once("204 No Content", Method::kOther));
  EXPECT_TRUE(ends_at_once("304 Not Modified", Method::kOther));
  EXPECT_TRUE(ends_at_once("101 Switching Protocols", Method::kOther));
  EXPECT_TRUE(ends_at_once("200 Connection established", Method::kConnect));
  EXPECT_TRUE(ends_at_once("299 Whatever", Method::kConnect));
}

TEST(Http1ResponseTest, HeadHasNoBodyEvenWithoutLength) {
  EXPECT_THAT(Events(Read("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 404 No\r\n\r\n",
                          Method::kHead)),
              ElementsAre("head 200", "end", "head 404", "end"));
}

TEST(Http1ResponseTest, ARefusedConnectHasABody) {
  const std::string head =
      "HTTP/1.1 407 Proxy Authentication Required\r\n"
      "Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 6\r\n\r\n";
  EXPECT_THAT(Read(head + "denied", Method::kConnect),
              ElementsAre(Seen{"head 407", head}, Seen{"end", "denied"}));
}

TEST(Http1ResponseTest, BytesAfterConnectBelongToTheTunnel) {
  Http1ResponseParser parser;
  const std::string text = "HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03";
  const Bytes data(reinterpret_cast<const std::uint8_t*>(text.data()),
                   text.size());
  const auto head = parser.Consume(data, Method::kConnect);
  EXPECT_EQ(head.event, Http1Event::kHead);
  EXPECT_EQ(head.consumed, text.size() - 3);
  const auto end =
      parser.Consume(data.subspan(head.consumed), Method::kConnect);
  EXPECT_EQ(end.event, Http1Event::kMessageEnd);
  EXPECT_EQ(end.consumed, 0u);
}

TEST(Http1ResponseTest, OthersLastUntilTheConnectionCloses) {
  for (const char* fields :
       {"", "Transfer-Encoding: gzip\r\n", "Connection: close\r\n",
        "Transfer-Encoding: chunked, gzip\r\nContent-Length: 1\r\n"}) {
    const std::string head =
        "HTTP/1.0 200 OK\r\n" + std::string(fields) + "\r\n";
    const std::string body = "HTTP/1.1 200 OK\r\n\r\nbody";
    EXPECT_THAT(
        Read(head + body),
        ElementsAre(Seen{"head 200 until close", head}, Seen{"", body}));
  }
}

TEST(Http1ResponseTest, ToleratesBareLineFeedsAndNoReason) {
  const std::string text =
      "\n\r\nHTTP/1.1 404\nContent-Length: 0\n\nHTTP/1.1 200 \r\n"
      "Content-Length:0\r\n\r\n";
  EXPECT_THAT(Events(Read(text)),
              ElementsAre("head 404", "end", "head 200", "end"));
  EXPECT_THAT(
      Events(Read("HTTP/1.1 200 d\xe9j\xe0 vu\r\nContent-Length: 0\r\n\r\n")),
      ElementsAre("head 200", "end"));
}

TEST(Http1ResponseTest, LosesItselfAtTheFirstWrongByte) {
  const auto lost_after = [](std::string_view input) {
    const auto seen = Read(input);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].event, "lost");
    return seen[0].bytes;
  };
  EXPECT_EQ(lost_after(std::string(100, '\xff')), "");
  EXPECT_EQ(lost_after(std::string(100, '\0')), "");
  EXPECT_EQ(lost_after("ICY 200 OK\r\n"), "");
  EXPECT_EQ(lost_after("HTTP/2 200\r\n"), "HTTP/");
  EXPECT_EQ(lost_after("HTTP/1.x 200"), "HTTP/1.");
  EXPECT_EQ(lost_after("HTTP/1.1200"), "HTTP/1.1");
  EXPECT_EQ(lost_after("HTTP/1.1 20 OK"), "HTTP/1.1 20");
  EXPECT_EQ(lost_after("HTTP/1.1 2000 OK"), "HTTP/1.1 200");
  EXPECT_EQ(lost_after("HTTP/1.1 099 OK"), "HTTP/1.1 ");
  EXPECT_EQ(lost_after("HTTP/1.1 -20 OK"), "HTTP/1.1 ");
  EXPECT_EQ(lost_after("HTTP/1.1 200OK"), "HTTP/1.1 200");
  EXPECT_EQ(lost_after("HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 1");
}

TEST(Http1ResponseTest, LosesItselfInBadChunks) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(
      Read(head + "fffffffffffffffff\r\n"),
      ElementsAre(Seen{"head 200", head}, Seen{"lost", "ffffffffffffffff"}));
  EXPECT_THAT(Read(head + "1\r\nabHTTP/1.1 200"),
              ElementsAre(Seen{"head 200", head}, Seen{"lost", "1\r\na"}));
}

TEST(Http1ResponseTest, PassesALineOfAMegabyte) {
  const std::string head = "HTTP/1.1 200 " + std::string(1 << 20, 'r') +
                           "\r\nSet-Cookie: " + std::string(1 << 20, 'c') +
                           "\r\nContent-Length: 2\r\n\r\n";
  for (const std::size_t size : {std::size_t{61}, std::size_t{5000}}) {
    EXPECT_THAT(Feed(Cut(head + "ok", size, size), ResponseObserver{}),
                ElementsAre(Seen{"head 200", head}, Seen{"end", "ok"}));
  }
}

TEST(Http1ResponseTest, ResetStartsAnew) {
  ResponseObserver observer;
  const std::string text = "HTTP/1.0 200 OK\r\n\r\nbody";
  Bytes rest(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  rest = rest.subspan(observer.Consume(rest).consumed);
  observer.Consume(rest);
  ASSERT_TRUE(observer.parser.until_close());
  observer.parser.Reset();
  EXPECT_FALSE(observer.parser.until_close());
  EXPECT_THAT(Events(FeedEveryWay("HTTP/1.1 204 No\r\n\r\n", observer)),
              ElementsAre("head 204", "end"));
}

}  // namespace
}  // namespace proxymeter::protocol
