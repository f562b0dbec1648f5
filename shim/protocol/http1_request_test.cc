#include "shim/protocol/http1_request.h"

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

static_assert(std::is_trivially_destructible_v<Http1RequestParser>);
static_assert(std::is_trivially_copyable_v<Http1RequestParser>);
static_assert(sizeof(Http1RequestParser) <= 640);
[[maybe_unused]] constinit Http1RequestParser constant_initialized;

std::vector<Seen> Read(std::string_view input) {
  return FeedEveryWay(input, RequestObserver{});
}

std::string FirstEvent(std::string_view input) {
  const auto events = Events(Read(input));
  return events.empty() ? "" : events[0];
}

TEST(Http1RequestTest, ReadsARequestWithoutBody) {
  const std::string head =
      "GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n";
  EXPECT_THAT(Read(head),
              ElementsAre(Seen{"head example.com", head}, Seen{"end", ""}));
}

TEST(Http1RequestTest, ReadsPipelinedRequestsForSeveralHosts) {
  const std::string get = "GET http://a.example/ HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string head = "HEAD / HTTP/1.1\r\nHost: b.example\r\n\r\n";
  const std::string post =
      "POST /form HTTP/1.1\r\nhost: c.example:8080\r\nContent-Length: "
      "5\r\n\r\n";
  const std::string put =
      "PUT / HTTP/1.1\r\nHost: d.example\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunks =
      "5;ext=\"1\"\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: "
      "1\r\n\r\n";
  const std::string old = "GET / HTTP/1.0\r\n\r\n";
  EXPECT_THAT(Read(get + head + post + "12345" + put + chunks + "\r\n" + old),
              ElementsAre(Seen{"head a.example", get}, Seen{"end", ""},
                          Seen{"head b.example HEAD", head}, Seen{"end", ""},
                          Seen{"head c.example", post}, Seen{"end", "12345"},
                          Seen{"head d.example", put}, Seen{"end", chunks},
                          Seen{"head ", "\r\n" + old}, Seen{"end", ""}));
}

TEST(Http1RequestTest, ForgetsTheHostOfTheRequestBefore) {
  EXPECT_THAT(Events(Read("GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                          "GET / HTTP/1.1\r\n\r\n")),
              ElementsAre("head a", "end", "head ", "end"));
}

TEST(Http1RequestTest, ReadsConnect) {
  const std::string head =
      "CONNECT Example.com:443 HTTP/1.1\r\nHost: other.example\r\n"
      "Proxy-Authorization: Basic dTpw\r\nContent-Length: 5\r\n\r\n";
  EXPECT_THAT(Read(head), ElementsAre(Seen{"head example.com CONNECT", head},
                                      Seen{"end", ""}));
  EXPECT_EQ(FirstEvent("CONNECT [2001:DB8::1]:443 HTTP/1.1\r\n\r\n"),
            "head 2001:db8::1 CONNECT");
  EXPECT_EQ(FirstEvent("CONNECT a/b HTTP/1.1\r\n\r\n"),
            "head _invalid CONNECT");
}

TEST(Http1RequestTest, AbsoluteFormWinsOverHost) {
  const std::string end = " HTTP/1.1\r\nHost: other.example\r\n\r\n";
  EXPECT_EQ(FirstEvent("GET http://A.example/x" + end), "head a.example");
  EXPECT_EQ(FirstEvent("GET http://a.example" + end), "head a.example");
  EXPECT_EQ(FirstEvent("GET http://a.example:81?q=@b" + end), "head a.example");
  EXPECT_EQ(FirstEvent("GET http://a.example#f" + end), "head a.example");
  EXPECT_EQ(FirstEvent("GET https://u:p@a.example/@c" + end), "head a.example");
  EXPECT_EQ(FirstEvent("GET ftp+x://[::1]:2/" + end), "head ::1");
  EXPECT_EQ(FirstEvent("GET http://a.example:x/" + end), "head _invalid");
}

TEST(Http1RequestTest, OtherTargetsLeaveTheHostToItsField) {
  const std::string end = " HTTP/1.1\r\nHost: b.example\r\n\r\n";
  for (const char* target : {"/", "*", "/http://a/", "http:a", "http:/a", "a",
                             "http:///x", "/\xc3\xa9", "?x", "1http://a/"}) {
    EXPECT_EQ(FirstEvent("OPTIONS " + std::string(target) + end),
              "head b.example")
        << target;
  }
}

TEST(Http1RequestTest, ToleratesBareLineFeedsAndEmptyLines) {
  const std::string text = "\r\n\n\r\nGET / HTTP/1.1\nHost: a\n\n";
  EXPECT_THAT(Read(text), ElementsAre(Seen{"head a", text}, Seen{"end", ""}));
}

TEST(Http1RequestTest, TakesMethodsOfUpTo24Bytes) {
  const std::string end = " / HTTP/1.1\r\n\r\n";
  EXPECT_EQ(FirstEvent(std::string(24, 'M') + end), "head ");
  EXPECT_EQ(FirstEvent(std::string(25, 'M') + end), "lost");
  EXPECT_EQ(FirstEvent("M-SEARCH" + end), "head ");
  EXPECT_EQ(FirstEvent("head" + end), "head ");
  EXPECT_EQ(FirstEvent("HEADS" + end), "head ");
}

TEST(Http1RequestTest, LosesItselfAtTheFirstWrongByte) {
  const auto lost_after = [](std::string_view input) {
    const auto seen = Read(input);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].event, "lost");
    return seen[0].bytes;
  };
  EXPECT_EQ(lost_after("\x16\x03\x01"), "");
  EXPECT_EQ(lost_after(std::string(100, '\xff')), "");
  EXPECT_EQ(lost_after(std::string(100, '\0')), "");
  EXPECT_EQ(lost_after(" GET / HTTP/1.1\r\n"), "");
  EXPECT_EQ(lost_after("GE(T"), "GE");
  EXPECT_EQ(lost_after("GET\r\n"), "GET");
  EXPECT_EQ(lost_after("GET  /"), "GET ");
  EXPECT_EQ(lost_after("GET /\r\n"), "GET /");
  EXPECT_EQ(lost_after("GET /a\tb"), "GET /a");
  EXPECT_EQ(lost_after("GET /a b HTTP/1.1"), "GET /a ");
  EXPECT_EQ(lost_after("GET / http/1.1"), "GET / ");
  EXPECT_EQ(lost_after("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "PRI * HTTP/");
  EXPECT_EQ(lost_after("GET / HTTP/1.x"), "GET / HTTP/1.");
  EXPECT_EQ(lost_after("GET / HTTP/1.1 \r\n"), "GET / HTTP/1.1");
  EXPECT_EQ(lost_after("GET / HTTP/1.1\rx"), "GET / HTTP/1.1\r");
  EXPECT_EQ(lost_after("CONNECT  HTTP/1.1"), "CONNECT ");
  EXPECT_EQ(lost_after("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
            "GET / HTTP/1.1\r\nContent-Length: ");
  EXPECT_EQ(lost_after("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx"),
            "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r");
}

TEST(Http1RequestTest, LosesItselfWhereTheBodyHasNoKnownEnd) {
  EXPECT_EQ(FirstEvent("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
            "lost");
  EXPECT_EQ(FirstEvent("POST / HTTP/1.1\r\nContent-Length: 1\r\n"
                       "Content-Length: 2\r\n\r\n"),
            "lost");
  EXPECT_THAT(Events(Read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                          "\r\nzz\r\n")),
              ElementsAre("head ", "lost"));
}

TEST(Http1RequestTest, OnlyABodyThatWasAskedForMayBeWithheld) {
  Http1RequestParser parser;
  parser.Reset();
  const auto consume = [&parser](const std::string& text) {
    const Bytes data(reinterpret_cast<const std::uint8_t*>(text.data()),
                     text.size());
    const Http1Step step = parser.Consume(data);
    EXPECT_EQ(step.consumed, text.size());
    return step.event;
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: a.test\r\n";
  const std::string expect = "Expect: 100-continue\r\n";
  EXPECT_EQ(consume(post + expect + "Content-Length: 3\r\n\r\n"),
            Http1Event::kHead);
  EXPECT_TRUE(parser.may_withhold_body());
  EXPECT_FALSE(parser.Skip(1));
  EXPECT_EQ(consume(""), Http1Event::kNone);
  EXPECT_EQ(consume("a"), Http1Event::kNone);
  EXPECT_FALSE(parser.may_withhold_body());
  EXPECT_TRUE(parser.Skip(1));
  EXPECT_EQ(consume("c"), Http1Event::kMessageEnd);
  for (const std::string& fields : {std::string("Content-Length: 3\r\n"),
                                    expect, expect + "Content-Length: 0\r\n"}) {
    parser.Reset();
    EXPECT_EQ(consume(post + fields + "\r\n"), Http1Event::kHead);
    EXPECT_FALSE(parser.may_withhold_body());
  }
  parser.Reset();
  consume(post + expect + "Transfer-Encoding: chunked\r\n\r\n");
  parser.WithholdBody();
  EXPECT_TRUE(parser.at_start());
  EXPECT_EQ(consume(post + "\r\n"), Http1Event::kHead);
  EXPECT_EQ(consume(""), Http1Event::kMessageEnd);
}

TEST(Http1RequestTest, ChunkedWinsOverLength) {
  const std::string head =
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"
      "Host: a\r\n\r\n";
  EXPECT_THAT(
      Read(head + "2\r\nab\r\n0\r\n\r\n"),
      ElementsAre(Seen{"head a", head}, Seen{"end", "2\r\nab\r\n0\r\n\r\n"}));
}

TEST(Http1RequestTest, PassesALineOfAMegabyte) {
  const std::string head =
      "GET / HTTP/1.1\r\nCookie: " + std::string(1 << 20, 'c') +
      "\r\nHost: a.example\r\n" + std::string(1 << 20, 'N') + ": x\r\n\r\n";
  const std::vector<Seen> expected = {{"head a.example", head}, {"end", ""}};
  for (const std::size_t size : {head.size(), std::size_t{61}}) {
    EXPECT_EQ(Feed(Cut(head, size, size), RequestObserver{}), expected);
  }
  const std::string target =
      "GET http://a.example/" + std::string(1 << 20, 'p') + " HTTP/1.1\r\n\r\n";
  EXPECT_THAT(Feed(Cut(target, 4096, 4096), RequestObserver{}),
              ElementsAre(Seen{"head a.example", target}, Seen{"end", ""}));
}

TEST(Http1RequestTest, PassesALongBody) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n";
  const std::string body((1 << 20) + 1, '\0');
  EXPECT_THAT(Feed(Cut(head + body, 4096, 4096), RequestObserver{}),
              ElementsAre(Seen{"head a", head}, Seen{"end", body}));
}

TEST(Http1RequestTest, NamesNoHostWhileAHeadIsRead) {
  Http1RequestParser parser;
  const std::string text = "GET / HTTP/1.1\r\nHost: a.example";
  EXPECT_TRUE(parser.in_head());
  parser.Consume(
      {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  EXPECT_TRUE(parser.in_head());
  EXPECT_TRUE(parser.host().empty());
}

TEST(Http1RequestTest, ResetStartsAnewFromAnyPlace) {
  const std::string get =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
  for (const std::string text :
       {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc!",
        "POST http://b/ HTTP/1.1\r\nContent-Length: 12345x",
        "PUT / HTTP/1.1\r\nHost: b\r\nContent-Length: 77\r\n\r\nbody"}) {
    RequestObserver observer;
    for (char c : text) {
      const auto byte = static_cast<std::uint8_t>(c);
      observer.parser.Consume({&byte, 1});
      RequestObserver reset = observer;
      reset.parser.Reset();
      EXPECT_TRUE(reset.parser.in_head());
      EXPECT_TRUE(reset.parser.host().empty());
      EXPECT_THAT(Events(Feed(Cut(get, get.size(), 1), reset)),
                  ElementsAre("head a", "end"));
    }
  }
}

}  // namespace
}  // namespace proxymeter::protocol
