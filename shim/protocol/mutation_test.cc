// Every parser, fed with broken versions of what it expects: it must consume
// no more than there is, never stall, and see the same however the bytes are
// cut. The pieces are allocations of their own, so a sanitizer sees overreads.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "shim/protocol/http2_observer.h"
#include "shim/protocol/http2_testing.h"
#include "shim/protocol/observers.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

constexpr int kRounds = 25'000;  // of each test

/// Breaks texts the same way in every run.
class Mutator {
 public:
  explicit Mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

  std::size_t Below(std::size_t bound) {
    return bound == 0 ? 0 : engine_() % bound;
  }

  std::string Next() {
    std::string text = seeds_[Below(seeds_.size())];
    for (std::size_t left = Below(6); left > 0; --left) Mutate(text);
    return text;
  }

 private:
  void Mutate(std::string& text) {
    const std::size_t at = Below(text.size() + 1);
    const std::size_t size =
        Below(std::min<std::size_t>(text.size() - at, 20) + 1);
    switch (Below(7)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(engine_());
        break;
      case 1:
        if (at < text.size())
          text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
        break;
      case 2:
        text.erase(at, size);
        break;
      case 3:
        text.insert(at, text.substr(Below(text.size() + 1), size));
        break;
      case 4:
        text.insert(at, 1, "\r\n \t:;,\0\xff@0[]"[Below(14)]);
        break;
      case 5:
        text.resize(at);
        break;
      default:
        text.insert(at, seeds_[Below(seeds_.size())]);
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937 engine_{20240229};
};

/// Some of the inputs have to come out well and some badly, or the mutations
/// prove little.
template <typename Parser>
void Torture(std::vector<std::string> seeds, const Parser& parser,
             const std::string& bad, int rounds = kRounds) {
  Mutator mutator(std::move(seeds));
  int good_events = 0;
  int bad_events = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = mutator.Next();
    const auto whole = Feed(Cut(text, text.size(), 1), parser);
    const auto pieces = Feed(
        Cut(text, mutator.Below(text.size()), 1 + mutator.Below(40)), parser);
    ASSERT_EQ(whole, pieces) << testing::PrintToString(text);
    for (const Seen& seen : whole) {
      if (!seen.event.empty())
        ++(seen.event.starts_with(bad) ? bad_events : good_events);
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << testing::PrintToString(text);
  }
  EXPECT_GT(good_events, rounds / 20);
  EXPECT_GT(bad_events, rounds / 20);
}

std::string Raw(std::initializer_list<int> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

TEST(MutationTest, Http1Requests) {
  // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one message, two lines.
  Torture({"GET http://u:p@a.example:80/x HTTP/1.1\r\nHost: b\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: c.example\r\nContent-Length: 3\r\n\r\nabc",
           "PUT / HTTP/1.1\nTransfer-Encoding: gzip, chunked\n folded: x\n\n"
           "3;e=1\r\nabc\r\n0\r\nT: 1\r\n\r\n",
           "CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
           "HEAD / HTTP/1.0\r\nContent-Length: 0, 0\r\n\r\n"},
          RequestObserver{}, "lost");
}

TEST(MutationTest, Http1Responses) {
  const std::vector<std::string> seeds = {
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
      "\r\nabc",
      "HTTP/1.1 204 No Content\r\nA: b\r\n c\r\n\r\n",
      "HTTP/1.1 407\nTransfer-Encoding: chunked\n\n"
      "a;e=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nuntil close"};
  for (const Method request :
       {Method::kOther, Method::kHead, Method::kConnect}) {
    Torture(seeds, ResponseObserver{request, {}}, "lost");
  }
}

TEST(MutationTest, Http2) {
  constexpr int kFewer = 5'000;  // each takes its memory anew
  Http2Deflater client;
  Http2Deflater server;
  const std::string call = client.Block({{":method", "POST"},
                                         {":authority", "a.example"},
                                         {"content-type", "application/grpc"}});
  const std::string tunnel =
      client.Block({{":method", "CONNECT"}, {":authority", "b.example:443"}});
  const std::string said =
      Http2Hello() +
      Http2Frame(NGHTTP2_SETTINGS, 0, 0, Http2Setting(5, 20'000)) +
      Http2Frame(NGHTTP2_HEADERS, 4, 1, call) +
      Http2Frame(NGHTTP2_HEADERS, 0, 3, tunnel.substr(0, 3)) +
      Http2Frame(NGHTTP2_CONTINUATION, 4, 3, tunnel.substr(3));
  Torture({said + Http2Frame(NGHTTP2_DATA, 9, 3, "\2contentpp"),
           said + Http2Frame(NGHTTP2_RST_STREAM, 0, 1, Big32(8)) +
               Http2Frame(NGHTTP2_GOAWAY, 0, 0, Big32(0) + Big32(0) + "bye")},
          Http2Observer(Http2Speaker::kClient), "lost", kFewer);
  const std::string interim = server.Block({{":status", "103"}});
  const std::string final = server.Block({{":status", "200"}, {"a", "b"}});
  const std::string trailers = server.Block({{"grpc-status", "5"}});
  Torture(
      {Http2Frame(NGHTTP2_SETTINGS, 0, 0, "") +
           Http2Frame(NGHTTP2_HEADERS, 4, 1, interim) +
           Http2Frame(NGHTTP2_HEADERS, 4, 1, final) +
           Http2Frame(NGHTTP2_DATA, 0, 1, "content") +
           Http2Frame(NGHTTP2_HEADERS, 5, 1, trailers),
       Http2Frame(NGHTTP2_SETTINGS, 0, 0, "") +
           Http2Frame(NGHTTP2_PUSH_PROMISE, 4, 1, Big32(2) + "\x82\x84") +
           Http2Frame(NGHTTP2_HEADERS, 0x2c, 3, '\1' + Big32(0) + "\x0f\x88p") +
           Http2Frame(NGHTTP2_DATA, 1, 3, "tunnel")},
      Http2Observer(Http2Speaker::kServer, said), "lost", kFewer);
}

TEST(MutationTest, ClientHellos) {
  const std::string extensions =
      Raw({0, 0, 0, 14, 0, 12, 0, 0, 9}) + "a.example" +
      Raw({0, 16, 0, 5, 0, 3, 2, 'h', '2', 0, 21, 0, 3, 0, 0, 0});
  const std::string body = Raw({3, 3}) + std::string(32, 'r') +
                           Raw({2, 's', 's', 0, 2, 0x13, 1, 1, 0}) +
                           Raw({0, static_cast<int>(extensions.size())}) +
                           extensions;
  const std::string message =
      Raw({1, 0, 0, static_cast<int>(body.size())}) + body;
  const auto record = [](const std::string& part) {
    return Raw({22, 3, 1, 0, static_cast<int>(part.size())}) + part;
  };
  Torture({record(message),
           record(message.substr(0, 50)) + record(message.substr(50)),
           record(message.substr(0, 2)) + record(message.substr(2, 80)) +
               record(message.substr(82))},
          ClientHelloObserver{}, "not TLS");
}

TEST(MutationTest, SocksClients) {
  Torture({Raw({5, 1, 0, 5, 1, 0, 1, 1, 2, 3, 4, 0, 80}),
           Raw({5, 2, 0, 2, 1, 1, 'u', 1, 'p', 5, 1, 0, 3, 1, 'a', 0, 80}),
           Raw({5, 1, 0, 5, 1, 0, 4}) + std::string(18, '\1'),
           Raw({4, 1, 0, 80, 1, 2, 3, 4, 'u', 0}),
           Raw({4, 1, 0, 80, 0, 0, 0, 1, 0, 'a', '.', 'b', 0})},
          SocksClientObserver{}, "lost");
}

TEST(MutationTest, ProxyPrefixes) {
  const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
  Torture({"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n",
           "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", "PROXY UNKNOWN x y\r\n",
           signature + Raw({0x21, 0x11, 0, 12}) + std::string(12, '\1'),
           signature + Raw({0x20, 0, 0, 0})},
          ProxyPrefixObserver{}, "malformed");
}

TEST(MutationTest, SocksServers) {
  Torture({Raw({5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80}),
           Raw({5, 2, 1, 0, 5, 0, 0, 3, 1, 'a', 0, 80}), Raw({5, 255})},
          SocksServerObserver(5), "lost");
  Torture({Raw({0, 90, 0, 80, 1, 2, 3, 4}), Raw({0, 91, 0, 0, 0, 0, 0, 0})},
          SocksServerObserver(4), "lost");
}

}  // namespace
}  // namespace proxymeter::protocol
