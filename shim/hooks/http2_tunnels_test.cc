// Tunnels by CONNECT in HTTP/2, with TLS in them.
#include "shim/connection/http2_tunnels.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

constexpr int kFd = 7;
constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr int kEndStream = NGHTTP2_FLAG_END_STREAM;

std::string Block(std::uint32_t stream, const Http2Headers& headers) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders, stream,
                    Http2Deflater().Block(headers));
}
std::string Get(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

// In clear text to the proxy: the layer around does not matter here.
class TunnelsTest : public ShimFixture {
 protected:
  static const void* Here() { return __builtin_return_address(0); }

  void SetUp() override {
    ShimFixture::SetUp();
    Connect(kFd, kProxyAddress, 3128);
    Send(Http2Hello());
    Receive(Http2Frame(NGHTTP2_SETTINGS, 0, 0, ""));
  }

  void Send(std::string_view bytes) {
    sent_ += bytes.size();
    hooks::send(kFd, bytes.data(), bytes.size(), 0);
  }
  void Receive(std::string_view bytes) {
    received_ += bytes.size();
    std::string buffer(bytes.size(), '\0');
    fake_.Receives(bytes);
    hooks::recv(kFd, buffer.data(), buffer.size(), 0);
  }
  void SendData(std::uint32_t stream, std::string_view bytes) {
    if (!bytes.empty()) Send(Http2Frame(NGHTTP2_DATA, 0, stream, bytes));
  }
  void ReceiveData(std::uint32_t stream, std::string_view bytes) {
    if (!bytes.empty()) Receive(Http2Frame(NGHTTP2_DATA, 0, stream, bytes));
  }

  void Ask(std::uint32_t stream, const std::string& host) {
    Send(
        Block(stream, {{":method", "CONNECT"}, {":authority", host + ":443"}}));
  }
  void Answer(std::uint32_t stream, const std::string& status) {
    Receive(Block(stream, {{":status", status}}));
  }

  struct Tunnel {
    std::uint32_t stream;
    std::unique_ptr<TlsSession> tls;
  };
  // With TLS in it.
  Tunnel Open(const std::string& authority, const std::string& server_name) {
    next_ += 2;
    Ask(next_, authority);
    Answer(next_, "200");
    Tunnel tunnel{next_, std::make_unique<TlsSession>(server_name)};
    for (bool done = false; !done;) {
      done = tunnel.tls->ClientHandshake();
      const std::string out = tunnel.tls->FromClient();
      SendData(tunnel.stream, out);
      tunnel.tls->ToServer(out);
      done = tunnel.tls->ServerHandshake() && done;
      const std::string in = tunnel.tls->FromServer();
      ReceiveData(tunnel.stream, in);
      tunnel.tls->ToClient(in);
    }
    return tunnel;
  }
  void Visit(const Tunnel& tunnel, const std::string& host,
             const std::string& status = "200 OK") {
    const std::string request = Get(host);
    TlsSession& tls = *tunnel.tls;
    hooks::SSL_write(Here(), tls.client(), request.data(),
                     static_cast<int>(request.size()));
    SendData(tunnel.stream, tls.FromClient());
    const std::string response =
        "HTTP/1.1 " + status + "\r\nContent-Length: 2\r\n\r\nok";
    SSL_write(tls.server(), response.data(), static_cast<int>(response.size()));
    const std::string records = tls.FromServer();
    ReceiveData(tunnel.stream, records);
    tls.ToClient(records);
    std::string buffer(response.size(), '\0');
    std::size_t size = 0;
    hooks::SSL_read_ex(Here(), tls.client(), buffer.data(), buffer.size(),
                       &size);
    ASSERT_EQ(size, response.size());
  }
  void Close(const Tunnel& tunnel) {
    Send(Http2Frame(NGHTTP2_DATA, kEndStream, tunnel.stream, ""));
    Receive(Http2Frame(NGHTTP2_DATA, kEndStream, tunnel.stream, ""));
  }

  static CounterSums Of(std::string_view host) {
    return Traffic(kVendor, host, Protocol::kHttps1, Visibility::kPlaintext);
  }
  void ExpectAllBytesOf(std::string_view host) {
    const CounterSums sums = Traffic(kVendor, host);
    EXPECT_EQ(sums[kSentBytes], sent_);
    EXPECT_EQ(sums[kReceivedBytes], received_);
    EXPECT_EQ(Events(kDesynchronisedHttp1) + Events(kDesynchronisedHttp2), 0u);
    EXPECT_EQ(Events(kRowsOverflowed), 0u);
  }

  std::uint32_t next_ = static_cast<std::uint32_t>(-1);
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

TEST_F(TunnelsTest, TheFirstOnesServerNameHasTheBytes) {
  const Tunnel shop = Open("192.0.2.1", "shop.test");
  const Tunnel news = Open("192.0.2.2", "news.test");
  for (int i = 0; i < 3; ++i) {
    Visit(news, "news.test");
    Visit(shop, "shop.test", "404 Not Found");
  }
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 2u);
  EXPECT_EQ(Of("shop.test")[kRequests], 3u);
  EXPECT_EQ(Of("shop.test")[kResponses4xx], 3u);
  EXPECT_EQ(Of("news.test")[kRequests], 3u);
  EXPECT_EQ(Of("news.test")[kResponses2xx], 3u);
  EXPECT_EQ(Traffic(kVendor, "192.0.2.1")[kSentBytes], 0u);
  EXPECT_EQ(Durations(kVendor, Phase::kTunnel), 2u);
  EXPECT_EQ(Durations(kVendor, Phase::kTlsHandshake), 2u);
  EXPECT_EQ(Durations(kVendor, Phase::kRequest), 6u);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
  ExpectAllBytesOf("shop.test");
}

TEST_F(TunnelsTest, TunnelsThatAreOverMakeRoom) {
  for (int i = 0; i < 3 * Http2Tunnels::kMost; ++i) {
    const Tunnel tunnel = Open("shop.test", "shop.test");
    Visit(tunnel, "shop.test");
    Close(tunnel);
  }
  hooks::close(kFd);
  EXPECT_EQ(Of("shop.test")[kRequests], 3u * Http2Tunnels::kMost);
  EXPECT_EQ(Of("shop.test")[kResponses2xx], 3u * Http2Tunnels::kMost);
  EXPECT_EQ(Durations(kVendor, Phase::kTlsHandshake), 3u * Http2Tunnels::kMost);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
  ExpectAllBytesOf("shop.test");
}

TEST_F(TunnelsTest, MoreThanAreFollowedAreTunnelsAllTheSame) {
  std::vector<Tunnel> tunnels;
  for (int i = 0; i < Http2Tunnels::kMost + 2; ++i) {
    tunnels.push_back(Open("shop.test", "shop.test"));
  }
  for (const Tunnel& tunnel : tunnels) Visit(tunnel, "shop.test");
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200),
            Http2Tunnels::kMost + 2u);
  EXPECT_EQ(Of("shop.test")[kRequests], Http2Tunnels::kMost);
  EXPECT_EQ(Events(kConnectionsUntracked), 2u);
  ExpectAllBytesOf("shop.test");
}

TEST_F(TunnelsTest, WhatComesWithARefusalIsNoTunnels) {
  next_ += 2;
  Ask(next_, "shop.test");
  Answer(next_, "407");
  ReceiveData(next_, "SSH-2.0-not");
  const Tunnel tunnel = Open("shop.test", "inner.test");
  Visit(tunnel, "inner.test");
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 407), 1u);
  EXPECT_EQ(ProxyErrors(kVendor, ProxyError::kAuthentication), 1u);
  EXPECT_EQ(Durations(kVendor, Phase::kTunnel), 1u);
  EXPECT_EQ(Of("inner.test")[kRequests], 1u);
  ExpectAllBytesOf("inner.test");
}

TEST_F(TunnelsTest, ClearTextInsideIsReadAsSuch) {
  Ask(1, "shop.test");
  Answer(1, "200");
  const std::string request = Get("shop.test");
  const std::string response = "HTTP/1.1 204 No Content\r\n\r\n";
  for (std::size_t cut = 0; cut < request.size(); ++cut) {
    SendData(1, request.substr(0, cut));
    SendData(1, request.substr(cut));
    ReceiveData(1, response.substr(0, cut % response.size()));
    ReceiveData(1, response.substr(cut % response.size()));
  }
  hooks::close(kFd);
  const CounterSums sums =
      Traffic(kVendor, "shop.test", Protocol::kHttp1, Visibility::kPlaintext);
  EXPECT_EQ(sums[kRequests], request.size());
  EXPECT_EQ(sums[kResponses2xx], request.size());
  ExpectAllBytesOf("shop.test");
}

TEST_F(TunnelsTest, ProxiesSayWhyInTheirOwnWords) {
  Ask(1, "shop.test");
  Receive(Block(1, {{":status", "502"},
                    {"proxy-status", "gate; error=connection_refused"}}));
  Ask(3, "shop.test");
  Receive(Block(
      3, {{":status", "403"}, {"x-brd-err-msg", "Account is Suspended"}}));
  hooks::close(kFd);
  EXPECT_EQ(ProxyErrors(kVendor, ProxyError::kDestinationRefused), 1u);
  EXPECT_EQ(ProxyErrors(kVendor, ProxyError::kQuota), 1u);
  ExpectAllBytesOf("shop.test");
}

// A chain: the tunnels of the inner proxy are not mixed up with the outer's.
TEST_F(TunnelsTest, TunnelsInATunnelAreCountedAndNotFollowed) {
  Ask(1, "second.test");
  Answer(1, "200");
  SendData(1, Http2Hello() + Block(1, {{":method", "CONNECT"},
                                       {":authority", "shop.test:443"}}));
  ReceiveData(1, Http2Frame(NGHTTP2_SETTINGS, 0, 0, "") +
                     Block(1, {{":status", "200"}}));
  SendData(1, Http2Frame(NGHTTP2_DATA, 0, 1, Get("shop.test")));
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 2u);
  EXPECT_EQ(Of("shop.test")[kRequests], 0u);
  EXPECT_EQ(Events(kConnectionsUntracked), 1u);
  ExpectAllBytesOf("shop.test");
}

}  // namespace
}  // namespace proxymeter::shim
