// The parser listens while nghttp2's client and server talk; what the one said
// is told by the other.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shim/protocol/http2_observer.h"
#include "shim/protocol/http2_testing.h"

namespace proxymeter::protocol {
namespace {

Http2Headers Get(const std::string& authority, const std::string& path) {
  return {{":method", "GET"},
          {":scheme", "https"},
          {":authority", authority},
          {":path", path},
          {"user-agent", "crawler"}};
}

Http2Headers Ok() { return {{":status", "200"}, {"server", "origin"}}; }

// Both directions in one session, in the order in which they spoke, each turn
// in pieces of `size` bytes.
std::vector<std::string> Overhear(const Http2Peers& peers, std::size_t size,
                                  Http2Speaker listened) {
  auto session = std::make_unique_for_overwrite<Http2Session>();
  session->Begin();
  std::vector<std::string> events;
  for (const Http2Peers::Turn& turn : peers.turns()) {
    Http2Side& side = turn.speaker == Http2Speaker::kClient ? session->client
                                                            : session->server;
    for (const auto& piece : Cut(turn.bytes, size, size)) {
      for (Bytes rest(piece.data(), piece.size());;) {
        const Http2Step step = side.Consume(rest);
        rest = rest.subspan(step.consumed);
        if (step.event == Http2Event::kNone) break;
        const std::string text = Http2Text(step.event, &side, session->streams);
        if (turn.speaker == listened && !text.empty()) events.push_back(text);
        if (step.event == Http2Event::kLost) return events;
      }
    }
  }
  return events;
}

std::vector<std::string> WithoutContent(std::vector<std::string> events) {
  for (std::string& event : events) {
    const std::size_t comma = event.rfind(", ");
    if (comma != std::string::npos) event.erase(0, comma + 2);
  }
  return events;
}

// However the bytes come, it is what the peers have told.
void ExpectWitnessed(const Http2Peers& peers) {
  const std::string client = peers.Said(Http2Speaker::kClient);
  const std::string server = peers.Said(Http2Speaker::kServer);
  EXPECT_EQ(WithoutContent(Events(
                FeedEveryWay(client, Http2Observer(Http2Speaker::kClient)))),
            peers.Witnessed(Http2Speaker::kClient));
  EXPECT_EQ(WithoutContent(Events(FeedEveryWay(
                server, Http2Observer(Http2Speaker::kServer, client)))),
            peers.Witnessed(Http2Speaker::kServer));
  for (const Http2Speaker speaker :
       {Http2Speaker::kClient, Http2Speaker::kServer}) {
    for (const std::size_t size : {1u, 2u, 3u, 7u, 64u, 100'000u}) {
      EXPECT_EQ(Overhear(peers, size, speaker), peers.Witnessed(speaker));
    }
  }
  EXPECT_FALSE(peers.Witnessed(Http2Speaker::kClient).empty());
  EXPECT_FALSE(peers.Witnessed(Http2Speaker::kServer).empty());
}

TEST(Http2TalkTest, SeveralAuthoritiesOnOneConnection) {
  Http2Peers peers;
  peers.Answer("/a", {.headers = Ok(), .body = "hello"});
  peers.Answer("/b", {.headers = {{":status", "404"}}});
  for (int round = 0; round < 3; ++round) {
    peers.Request({.headers = Get("shop.test", "/a")});
    peers.Request({.headers = Get("news.test", "/b")});
    peers.Request({.headers = Get("api.test", "/a"), .body = "question"});
    peers.Talk();
  }
  ExpectWitnessed(peers);
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kClient)[1], "end 1");
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kClient)[2],
            "request 3 news.test https");
}

TEST(Http2TalkTest, PaddingAndPriorityAreNoContent) {
  Http2Peers peers({}, {}, /*padding=*/37);
  peers.Answer("/a", {.headers = Ok(),
                      .body = std::string(300, 'x'),
                      .trailers = {{"checksum", "1"}}});
  peers.Request({.headers = Get("shop.test", "/a"), .body = "question"});
  peers.Request({.headers = Get("shop.test", "/a")});
  peers.Talk();
  ExpectWitnessed(peers);
}

TEST(Http2TalkTest, InterimResponsesPushesAndTrailers) {
  Http2Peers peers;
  peers.Answer("/a", {.headers = Ok(),
                      .body = "hello",
                      .trailers = {{"checksum", "1"}},
                      .interim = {{{":status", "100"}},
                                  {{":status", "103"}, {"link", "</b>"}}},
                      .push = Get("cdn.test", "/b")});
  peers.Request({.headers = Get("shop.test", "/a"),
                 .body = "question",
                 .trailers = {{"checksum", "2"}}});
  peers.Talk();
  ExpectWitnessed(peers);
}

TEST(Http2TalkTest, GrpcAndItsStatus) {
  Http2Headers call = {
      {":method", "POST"},     {":scheme", "http"},
      {":path", "/say/Hello"}, {":authority", "grpc.test"},
      {"te", "trailers"},      {"content-type", "application/grpc+proto"}};
  Http2Peers peers;
  peers.Answer("/say/Hello", {.headers = {{":status", "200"},
                                          {"content-type", "application/grpc"}},
                              .body = "hello",
                              .trailers = {{"grpc-status", "0"}}});
  peers.Request({.headers = call, .body = "name"});
  peers.Talk();
  call[2].second = "/say/Nothing";
  peers.Answer("/say/Nothing", {.headers = {{":status", "200"},
                                            {"grpc-status", "12"},
                                            {"grpc-message", "no"}}});
  peers.Request({.headers = call, .body = "name"});
  peers.Talk();
  ExpectWitnessed(peers);
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kServer).back(), "end 3");
}

TEST(Http2TalkTest, HeadersLongerThanAFrame) {
  Http2Headers headers = Get("shop.test", "/a");
  // Huffman's code makes it longer.
  for (int i = 0; i < 5; ++i) {
    headers.emplace_back("x-" + std::to_string(i), std::string(4000, '{'));
  }
  Http2Peers peers;
  Http2Headers answer = Ok();
  answer.insert(answer.end(), headers.begin() + 5, headers.end());
  peers.Answer("/a", {.headers = answer, .body = "hello"});
  peers.Request({.headers = headers});
  peers.Talk();
  ASSERT_GT(peers.Said(Http2Speaker::kClient).size(), 16384u);
  for (const Http2Speaker speaker :
       {Http2Speaker::kClient, Http2Speaker::kServer}) {
    for (const std::size_t size : {1u, 2u, 1000u, 100'000u}) {
      EXPECT_EQ(Overhear(peers, size, speaker), peers.Witnessed(speaker));
    }
  }
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kClient).size(), 2u);
}

TEST(Http2TalkTest, TheHeaderTableGrowsAndShrinksAsThePeersAgree) {
  for (const std::uint32_t size : {0u, 100u, 1000u, 65536u}) {
    Http2Peers peers({{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, size}},
                     {{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, size}});
    for (int round = 0; round < 40; ++round) {
      const std::string path = "/" + std::to_string(round % 7);
      Http2Headers answer = Ok();
      answer.emplace_back("etag",
                          std::string(90, static_cast<char>('a' + round % 20)));
      peers.Answer(path, {.headers = answer});
      Http2Headers request = Get("shop.test", path);
      request.emplace_back("cookie", "n=" + std::to_string(round % 11));
      peers.Request({.headers = request});
      peers.Talk();
      // Within the connection as well.
      if (round == 20) {
        const nghttp2_settings_entry smaller = {
            NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, size / 2};
        nghttp2_submit_settings(peers.client(), NGHTTP2_FLAG_NONE, &smaller, 1);
        nghttp2_submit_settings(peers.server(), NGHTTP2_FLAG_NONE, &smaller, 1);
      }
    }
    for (const Http2Speaker speaker :
         {Http2Speaker::kClient, Http2Speaker::kServer}) {
      for (const std::size_t piece : {1u, 17u, 100'000u}) {
        EXPECT_EQ(Overhear(peers, piece, speaker), peers.Witnessed(speaker));
      }
    }
    EXPECT_EQ(peers.Witnessed(Http2Speaker::kClient).size(), 80u);
  }
}

TEST(Http2TalkTest, FramesAsLargeAsThePeerAllows) {
  Http2Peers peers({{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 60'000},
                    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}});
  peers.Answer("/a", {.headers = Ok(), .body = std::string(64'000, 'x')});
  peers.Request({.headers = Get("shop.test", "/a")});
  peers.Talk();
  std::size_t largest = 0;
  for (const Http2Peers::Turn& turn : peers.turns()) {
    largest = std::max(largest, turn.bytes.size());
  }
  ASSERT_GT(largest, 32'000u);
  for (const std::size_t size : {1u, 5000u, 100'000u}) {
    EXPECT_EQ(Overhear(peers, size, Http2Speaker::kServer),
              peers.Witnessed(Http2Speaker::kServer));
  }
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kServer).back(), "end 1");
}

TEST(Http2TalkTest, StreamsGivenUpAndTheEndOfTheConnection) {
  Http2Peers peers;
  peers.Request({.headers = Get("shop.test", "/never")});
  const std::int32_t second =
      peers.Request({.headers = Get("shop.test", "/never")});
  peers.Talk();
  nghttp2_submit_rst_stream(peers.client(), NGHTTP2_FLAG_NONE, second,
                            NGHTTP2_CANCEL);
  nghttp2_submit_rst_stream(peers.server(), NGHTTP2_FLAG_NONE, 1,
                            NGHTTP2_ENHANCE_YOUR_CALM);
  nghttp2_submit_ping(peers.client(), NGHTTP2_FLAG_NONE, nullptr);
  peers.Talk();
  const std::uint8_t reason[] = "enough";
  nghttp2_submit_goaway(peers.server(), NGHTTP2_FLAG_NONE, 3,
                        NGHTTP2_INTERNAL_ERROR, reason, sizeof reason);
  peers.Talk();
  ExpectWitnessed(peers);
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kServer),
            (std::vector<std::string>{"reset 1 11", "goaway 3 2"}));
}

TEST(Http2TalkTest, TheClientEndsTheConnection) {
  Http2Peers peers;
  peers.Answer("/a", {.headers = Ok()});
  peers.Request({.headers = Get("shop.test", "/a")});
  peers.Talk();
  nghttp2_session_terminate_session(peers.client(), NGHTTP2_NO_ERROR);
  peers.Talk();
  ExpectWitnessed(peers);
  EXPECT_EQ(peers.Witnessed(Http2Speaker::kClient).back(), "goaway 0 0");
}

TEST(Http2TalkTest, TunnelsAndTheirContent) {
  Http2Peers peers({}, {{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}},
                   /*padding=*/3);
  peers.Answer("shop.test:443", {.headers = Ok(), .body = "TLS comes back"});
  peers.Answer("/chat", {.headers = Ok(), .body = "a socket's frame"});
  peers.Talk();
  peers.Request(
      {.headers = {{":method", "CONNECT"}, {":authority", "shop.test:443"}},
       .body = "TLS goes there"});
  peers.Talk();
  peers.Request({.headers = {{":method", "CONNECT"},
                             {":protocol", "websocket"},
                             {":scheme", "https"},
                             {":authority", "chat.test"},
                             {":path", "/chat"}},
                 .body = "another frame"});
  peers.Talk();
  const std::string client = peers.Said(Http2Speaker::kClient);
  const std::string server = peers.Said(Http2Speaker::kServer);
  EXPECT_EQ(Events(FeedEveryWay(client, Http2Observer(Http2Speaker::kClient))),
            (std::vector<std::string>{
                "request 1 shop.test CONNECT", "data 1 TLS goes there, end 1",
                "request 3 chat.test https CONNECT extended", "end 3"}));
  EXPECT_EQ(Events(FeedEveryWay(server,
                                Http2Observer(Http2Speaker::kServer, client))),
            (std::vector<std::string>{"response 1 200",
                                      "data 1 TLS comes back, end 1",
                                      "response 3 200", "end 3"}));
}

}  // namespace
}  // namespace proxymeter::protocol
