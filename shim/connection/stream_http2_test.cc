// HTTP/2 as nghttp2's client and server speak it, through the hooks.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "shim/connection/http2_sessions.h"
#include "shim/connection/stream.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/openssl.h"
#include "shim/protocol/http2_testing.h"
#include "shim/testing/shim_fixture.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::shim {
namespace {

using protocol::Http2Deflater;
using protocol::Http2Frame;
using protocol::Http2Headers;
using protocol::Http2Hello;
using protocol::Http2Peers;
using protocol::Http2Speaker;

constexpr int kFd = 7;
constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
const std::string kConnect =
    "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n";
const std::string kConnected = "HTTP/1.1 200 OK\r\n\r\n";

Http2Headers Get(const std::string& authority, const std::string& path) {
  return {{":method", "GET"},
          {":scheme", "https"},
          {":authority", authority},
          {":path", path}};
}

std::string Open(std::uint32_t stream, const Http2Headers& headers) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders, stream,
                    Http2Deflater().Block(headers));
}
std::string ServerSettings() { return Http2Frame(NGHTTP2_SETTINGS, 0, 0, ""); }
std::string Answer(std::uint32_t stream, const std::string& status) {
  return Open(stream, {{":status", status}});
}

class StreamHttp2Test : public ShimFixture {
 protected:
  void Send(std::string_view bytes) {
    sent_ += bytes.size();
    ASSERT_EQ(hooks::send(kFd, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  void Receive(std::string_view bytes) {
    received_ += bytes.size();
    std::string buffer(bytes.size(), '\0');
    fake_.Receives(bytes);
    hooks::recv(kFd, buffer.data(), buffer.size(), 0);
  }
  void SendInPieces(std::string_view bytes, std::size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      Send(bytes.substr(0, size));
    }
  }
  void ReceiveInPieces(std::string_view bytes, std::size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      Receive(bytes.substr(0, size));
    }
  }
  void Play(const Http2Peers& peers, std::size_t size) {
    for (const Http2Peers::Turn& turn : peers.turns()) {
      turn.speaker == Http2Speaker::kClient ? SendInPieces(turn.bytes, size)
                                            : ReceiveInPieces(turn.bytes, size);
    }
  }
  void Begin() {
    RestartShim();
    sent_ = received_ = 0;
    Connect(kFd, kProxyAddress, 3128);
  }
  void OpenTunnel() {
    Begin();
    Send(kConnect);
    Receive(kConnected);
  }

  static std::uint64_t Lost() {
    return Events(kDesynchronisedHttp1) + Events(kDesynchronisedHttp2);
  }
  static CounterSums Of(std::string_view host, Protocol protocol) {
    return Traffic(kVendor, host, protocol, Visibility::kPlaintext);
  }

  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

TEST_F(StreamHttp2Test, InClearThroughATunnelRequestsAreTheirAuthoritys) {
  Http2Peers peers;
  peers.Answer("/a", {.headers = {{":status", "200"}}, .body = "hello"});
  peers.Answer("/b", {.headers = {{":status", "404"}},
                      .interim = {{{":status", "103"}}}});
  for (int round = 0; round < 2; ++round) {
    peers.Request({.headers = Get("shop.test", "/a")});
    peers.Request({.headers = Get("news.test", "/b"), .body = "question"});
    peers.Talk();
  }
  for (const std::size_t size : {1u, 2u, 5u, 23u, 24u, 25u, 100u, 10'000u}) {
    SCOPED_TRACE(size);
    OpenTunnel();
    Play(peers, size);
    hooks::close(kFd);
    const CounterSums shop = Of("shop.test", Protocol::kHttp2);
    EXPECT_EQ(shop[kRequests], 2u);
    EXPECT_EQ(shop[kResponses2xx], 2u);
    EXPECT_EQ(shop[kSentBytes], sent_);
    EXPECT_EQ(shop[kReceivedBytes], received_);
    const CounterSums news = Of("news.test", Protocol::kHttp2);
    EXPECT_EQ(news[kRequests], 2u);
    EXPECT_EQ(news[kResponses1xx], 0u);
    EXPECT_EQ(news[kResponses4xx], 2u);
    EXPECT_EQ(news[kSentBytes] + news[kReceivedBytes], 0u);
    EXPECT_EQ(Lost(), 0u);
  }
}

TEST_F(StreamHttp2Test, WhatBeginsLikeItMayBeHttp1) {
  for (const std::string method : {"POST", "PUT", "P", "PR", "PRI", "PRINT"}) {
    const std::string request = method +
                                " http://a.test/ HTTP/1.1\r\nHost: a.test\r\n"
                                "Content-Length: 4\r\n\r\nbody";
    for (std::size_t cut = 0; cut < request.size(); ++cut) {
      Begin();
      Send(request.substr(0, cut));
      Send(request.substr(cut));
      Receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      hooks::close(kFd);
      const CounterSums a = Of("a.test", Protocol::kHttp1);
      ASSERT_EQ(a[kRequests], 1u) << method << " cut at " << cut;
      ASSERT_EQ(a[kResponses2xx], 1u);
      ASSERT_EQ(a[kSentBytes], sent_);
      ASSERT_EQ(a[kReceivedBytes], received_);
    }
  }
  const std::string preface(protocol::kHttp2Preface);
  for (std::size_t size = 1; size < preface.size(); ++size) {
    Begin();
    Send(preface.substr(0, size) + "x");
    hooks::close(kFd);
    const CounterSums unknown = Traffic(kVendor, kUnknownDestination,
                                        Protocol::kTcp, Visibility::kInferred);
    EXPECT_EQ(unknown[kSentBytes], size + 1);
    EXPECT_EQ(Lost(), 0u);
  }
}

TEST_F(StreamHttp2Test, TheServerMaySpeakFirst) {
  OpenTunnel();
  ReceiveInPieces(ServerSettings(), 2);
  Send(Http2Hello() + Open(1, Get("shop.test", "/")));
  Receive(Answer(1, "200"));
  hooks::close(kFd);
  const CounterSums shop = Of("shop.test", Protocol::kHttp2);
  EXPECT_EQ(shop[kRequests], 1u);
  EXPECT_EQ(shop[kResponses2xx], 1u);
  EXPECT_EQ(shop[kSentBytes], sent_);
  EXPECT_EQ(shop[kReceivedBytes], received_);
  EXPECT_EQ(Lost(), 0u);
}

TEST_F(StreamHttp2Test, AnotherServerThatSpeaksFirstIsNoLoss) {
  OpenTunnel();
  Receive(std::string("\0\0\1hello", 8));
  Send("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  Receive("HTTP/1.1 204 No Content\r\n\r\n");
  hooks::close(kFd);
  EXPECT_EQ(Of("shop.test", Protocol::kHttp1)[kRequests], 1u);
  EXPECT_EQ(Lost(), 0u);
}

TEST_F(StreamHttp2Test, AnAnswerInAnotherProtocolIsALoss) {
  OpenTunnel();
  Send(Http2Hello() + Open(1, Get("shop.test", "/")));
  Receive("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  Send(Open(3, Get("shop.test", "/")));
  hooks::close(kFd);
  const CounterSums shop = Of("shop.test", Protocol::kHttp2);
  EXPECT_EQ(shop[kRequests], 1u);
  EXPECT_EQ(shop[kResponses4xx], 0u);
  EXPECT_EQ(shop[kSentBytes], sent_);
  EXPECT_EQ(shop[kReceivedBytes], received_);
  EXPECT_EQ(Events(kDesynchronisedHttp2), 1u);
}

TEST_F(StreamHttp2Test, TunnelsByHttp2AreTunnelsAndNoRequests) {
  Begin();
  Send(Http2Hello() +
       Open(1, {{":method", "CONNECT"}, {":authority", "shop.test:443"}}) +
       Http2Frame(NGHTTP2_DATA, 0, 1, "secret"));
  Receive(ServerSettings() + Answer(1, "200") +
          Http2Frame(NGHTTP2_DATA, 0, 1, "secret"));
  Send(Open(3, {{":method", "CONNECT"}, {":authority", "no.test:443"}}));
  Receive(Answer(3, "407"));
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 1u);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 407), 1u);
  EXPECT_EQ(Durations(kVendor, Phase::kTunnel), 1u);
  EXPECT_EQ(Durations(kVendor, Phase::kFirstByte), 0u);
  EXPECT_EQ(Durations(kVendor, Phase::kRequest), 0u);
  const CounterSums shop = Traffic(kVendor, "shop.test");
  EXPECT_EQ(shop[kRequests], 0u);
  EXPECT_EQ(shop[kResponses2xx] + shop[kResponses4xx], 0u);
  EXPECT_EQ(shop[kSentBytes], sent_);
  EXPECT_EQ(shop[kReceivedBytes], received_);
  EXPECT_EQ(Lost(), 0u);
}

TEST_F(StreamHttp2Test, PushedAnswersHaveTheirRequests) {
  Http2Peers peers;
  peers.Answer(
      "/a", {.headers = {{":status", "200"}}, .push = Get("cdn.test", "/b")});
  peers.Request({.headers = Get("shop.test", "/a")});
  peers.Talk();
  OpenTunnel();
  Play(peers, 10'000);
  hooks::close(kFd);
  EXPECT_EQ(Of("shop.test", Protocol::kHttp2)[kResponses2xx], 1u);
  EXPECT_EQ(Of("cdn.test", Protocol::kHttp2)[kRequests], 1u);
  EXPECT_EQ(Of("cdn.test", Protocol::kHttp2)[kResponses2xx], 1u);
  // Of what nobody asked for there is no time.
  EXPECT_EQ(Durations(kVendor, Phase::kFirstByte), 1u);
  EXPECT_EQ(Durations(kVendor, Phase::kRequest), 1u);
}

TEST_F(StreamHttp2Test, MoreStreamsThanAreRememberedAreCountedAllTheSame) {
  OpenTunnel();
  std::string requests = Http2Hello();
  std::string answers = ServerSettings();
  for (std::uint32_t i = 0; i < 130; ++i) {
    const bool last = i >= 128;
    requests += Open(2 * i + 1, {{":authority", last ? "b.test" : "a.test"}});
    answers += Answer(2 * i + 1, "200");
  }
  Send(requests);
  Receive(answers);
  hooks::close(kFd);
  EXPECT_EQ(Of("a.test", Protocol::kHttp2)[kRequests], 128u);
  EXPECT_EQ(Of("a.test", Protocol::kHttp2)[kResponses2xx], 128u);
  EXPECT_EQ(Of("b.test", Protocol::kHttp2)[kRequests], 2u);
  EXPECT_EQ(Of("b.test", Protocol::kHttp2)[kResponses2xx], 0u);
  // To the connection's own target.
  EXPECT_EQ(Of("shop.test", Protocol::kHttp2)[kResponses2xx], 2u);
  EXPECT_EQ(Events(kRowsOverflowed), 2u);
}

TEST_F(StreamHttp2Test, AReaderThreadFindsTheRequestThatIsBeingReported) {
  constexpr std::uint32_t kLast = 4001;
  Connect(kFd, kProxyAddress, 3128);
  Send(Http2Hello());
  Receive(ServerSettings());
  std::atomic<std::uint32_t> sent{0};
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(60);
  // The response may be read before the sender has got round to reporting.
  std::thread reader([&] {
    for (std::uint32_t id = 1; id <= kLast; id += 2) {
      while (sent.load() < id) std::this_thread::yield();
      const std::string ok =
          Http2Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | kEndHeaders, id,
                     Http2Deflater().Block({{":status", "200"}}));
      ReportReceived(kFd, ok.data(), ok.size());
    }
  });
  for (std::uint32_t id = 1; id <= kLast; id += 2) {
    const std::string get =
        Http2Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | kEndHeaders, id,
                   Http2Deflater().Block(Get("a.test", "/")));
    sent.store(id);
    ReportSent(kFd, get.data(), get.size());
    while (Of("a.test", Protocol::kHttp2)[kResponses2xx] <= id / 2 &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  }
  reader.join();
  EXPECT_EQ(Of("a.test", Protocol::kHttp2)[kRequests], kLast / 2 + 1);
  EXPECT_EQ(Events(kRowsOverflowed), 0u);
}

TEST_F(StreamHttp2Test, InsideTlsBytesAreOfTheServerName) {
  Http2Peers peers;
  peers.Answer("/a", {.headers = {{":status", "200"}},
                      .body = std::string(30'000, 'x')});
  peers.Request({.headers = Get("shop.test", "/a")});
  peers.Request({.headers = Get("news.test", "/a")});
  peers.Talk();
  for (const bool server_first : {false, true}) {
    SCOPED_TRACE(server_first);
    OpenTunnel();
    TlsSession tls("shop.test");
    const auto out = [&] {
      const std::string records = tls.FromClient();
      if (!records.empty()) Send(records);
      tls.ToServer(records);
    };
    const auto in = [&] {
      const std::string records = tls.FromServer();
      if (!records.empty()) Receive(records);
      tls.ToClient(records);
    };
    for (bool done = false; !done;) {
      done = tls.ClientHandshake();
      out();
      done = tls.ServerHandshake() && done;
      in();
    }
    const void* here = __builtin_return_address(0);
    const auto say = [&](std::string_view text) {
      ASSERT_EQ(hooks::SSL_write(here, tls.client(), text.data(),
                                 static_cast<int>(text.size())),
                static_cast<int>(text.size()));
      out();
    };
    const auto hear = [&](std::string_view text) {
      for (; !text.empty();
           text.remove_prefix(std::min<std::size_t>(8000, text.size()))) {
        const std::string_view part = text.substr(0, 8000);
        SSL_write(tls.server(), part.data(), static_cast<int>(part.size()));
        in();
        std::string buffer(part.size(), '\0');
        ASSERT_EQ(hooks::SSL_read(here, tls.client(), buffer.data(),
                                  static_cast<int>(buffer.size())),
                  static_cast<int>(part.size()));
      }
    };
    std::string client = peers.Said(Http2Speaker::kClient);
    std::string server = peers.Said(Http2Speaker::kServer);
    // Its settings.
    constexpr std::size_t kFirst = 9;
    if (server_first) hear(server.substr(0, kFirst));
    say(client);
    hear(server_first ? server.substr(kFirst) : server);
    hooks::close(kFd);
    const CounterSums shop = Of("shop.test", Protocol::kHttps2);
    EXPECT_EQ(shop[kRequests], 1u);
    EXPECT_EQ(shop[kResponses2xx], 1u);
    EXPECT_EQ(shop[kSentBytes], sent_);
    EXPECT_EQ(shop[kReceivedBytes], received_);
    EXPECT_EQ(Of("news.test", Protocol::kHttps2)[kRequests], 1u);
    EXPECT_EQ(Of("news.test", Protocol::kHttps2)[kResponses2xx], 1u);
    EXPECT_EQ(Lost() + Events(kTlsUnpaired), 0u);
  }
}

// Kilobytes of this process that are mapped.
std::uint64_t Mapped() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmSize:") continue;
  std::uint64_t size = 0;
  status >> size;
  return size;
}

TEST_F(StreamHttp2Test, ItsMemoryGoesWithTheConnection) {
  constexpr std::uint64_t kOne = sizeof(protocol::Http2Session) / 1024;
  const std::uint64_t before = Mapped();
  std::uint64_t meanwhile = 0;
  for (int i = 0; i < 100; ++i) {
    Connect(kFd, kProxyAddress, 3128);
    Send(Http2Hello() + Open(1, Get("shop.test", "/")));
    if (i == 0) meanwhile = Mapped();
    hooks::close(kFd);
  }
  EXPECT_GE(meanwhile, before + kOne);
  EXPECT_LT(Mapped(), before + 20 * kOne);
  EXPECT_EQ(Of("shop.test", Protocol::kHttp2)[kRequests], 100u);
}

TEST(Http2SessionsTest, NotMoreThanAreAllowed) {
  static constinit Http2Sessions sessions;
  std::vector<protocol::Http2Session*> taken;
  for (std::uint32_t i = 0; i < Http2Sessions::kMost; ++i) {
    taken.push_back(sessions.Take());
    ASSERT_NE(taken.back(), nullptr);
  }
  EXPECT_EQ(sessions.Take(), nullptr);
  EXPECT_EQ(sessions.Take(), nullptr);
  sessions.GiveBack(taken.back());
  taken.back() = sessions.Take();
  EXPECT_NE(taken.back(), nullptr);
  for (protocol::Http2Session* session : taken) sessions.GiveBack(session);
  sessions.GiveBack(nullptr);
}

}  // namespace
}  // namespace proxymeter::shim
