// TLS to a proxy, and TLS through it to the destination.
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

constexpr int kFd = 7;
constexpr std::string_view kConnect =
    "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n";
constexpr std::string_view kConnected = "HTTP/1.1 200 OK\r\n\r\n";
constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Sessions inside each other: what one sends is the plaintext of the one
// before, and that of the first goes to the socket.
class TlsInTls : public ShimFixture {
 protected:
  static const void* Here() { return __builtin_return_address(0); }

  void SetUp() override {
    ShimFixture::SetUp();
    Connect(kFd, kProxyAddress, 443);
  }

  // Begins a session inside those that there are.
  void Begin(const std::string& server_name) {
    auto session = std::make_unique<TlsSession>(server_name);
    const std::size_t depth = sessions_.size();
    for (bool done = false; !done;) {
      done = session->ClientHandshake();
      const std::string out = session->FromClient();
      Send(out, depth);
      session->ToServer(out);
      done = session->ServerHandshake() && done;
      const std::string in = session->FromServer();
      Receive(in, depth);
      session->ToClient(in);
    }
    sessions_.push_back(std::move(session));
  }

  // Inside the first `depth` sessions.
  void Send(std::string_view bytes, std::size_t depth) {
    if (bytes.empty()) return;
    if (depth == 0) {
      sent_ += bytes.size();
      hooks::send(kFd, bytes.data(), bytes.size(), 0);
      return;
    }
    TlsSession& session = *sessions_[depth - 1];
    ASSERT_EQ(hooks::SSL_write(Here(), session.client(), bytes.data(),
                               static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
    const std::string records = session.FromClient();
    Send(records, depth - 1);
    session.ToServer(records);
    std::string read(bytes.size(), '\0');
    std::size_t size = 0;
    SSL_read_ex(session.server(), read.data(), read.size(), &size);
    ASSERT_EQ(std::string_view(read).substr(0, size), bytes);
  }
  void Receive(std::string_view bytes, std::size_t depth) {
    if (bytes.empty()) return;
    std::string buffer(bytes.size(), '\0');
    if (depth == 0) {
      received_ += bytes.size();
      fake_.Receives(bytes);
      hooks::recv(kFd, buffer.data(), buffer.size(), 0);
      return;
    }
    TlsSession& session = *sessions_[depth - 1];
    SSL_write(session.server(), bytes.data(), static_cast<int>(bytes.size()));
    const std::string records = session.FromServer();
    Receive(records, depth - 1);
    session.ToClient(records);
    std::size_t size = 0;
    hooks::SSL_read_ex(Here(), session.client(), buffer.data(), buffer.size(),
                       &size);
    ASSERT_EQ(std::string_view(buffer).substr(0, size), bytes);
  }

  std::vector<std::unique_ptr<TlsSession>> sessions_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

TEST_F(TlsInTls, TheInnerSessionsPlaintextIsRead) {
  Begin("proxy.test");
  Send(kConnect, 1);
  Receive(kConnected, 1);
  Begin("shop.test");
  for (int i = 0; i < 3; ++i) {
    Send(kRequest, 2);
    Receive(kResponse, 2);
  }
  hooks::close(kFd);
  EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 1u);
  const CounterSums traffic =
      Traffic(kVendor, "shop.test", Protocol::kHttps1, Visibility::kPlaintext);
  EXPECT_EQ(traffic[kRequests], 3u);
  EXPECT_EQ(traffic[kResponses2xx], 3u);
  EXPECT_EQ(traffic[kSentBytes], sent_);
  EXPECT_EQ(traffic[kReceivedBytes], received_);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

// An HTTPS proxy's own name is nobody's destination.
TEST_F(TlsInTls, RequestsToTheProxyItselfAreForTheirHosts) {
  Begin("proxy.test");
  for (int i = 0; i < 3; ++i) {
    Send("GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", 1);
    Receive(kResponse, 1);
  }
  hooks::close(kFd);
  const CounterSums traffic =
      Traffic(kVendor, "shop.test", Protocol::kHttps1, Visibility::kPlaintext);
  EXPECT_EQ(traffic[kRequests], 3u);
  EXPECT_EQ(traffic[kResponses2xx], 3u);
  EXPECT_EQ(traffic[kSentBytes], sent_);
  EXPECT_EQ(traffic[kReceivedBytes], received_);
}

TEST_F(TlsInTls, ByHttp2Too) {
  using namespace protocol;
  Begin("proxy.test");
  Send(Http2Hello(), 1);
  Receive(Http2Frame(NGHTTP2_SETTINGS, 0, 0, ""), 1);
  constexpr int kLast = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;
  for (std::uint32_t stream = 1; stream < 6; stream += 2) {
    Send(Http2Frame(NGHTTP2_HEADERS, kLast, stream,
                    Http2Deflater().Block({{":method", "GET"},
                                           {":scheme", "http"},
                                           {":authority", "shop.test"},
                                           {":path", "/"}})),
         1);
    Receive(Http2Frame(NGHTTP2_HEADERS, kLast, stream,
                       Http2Deflater().Block({{":status", "200"}})),
            1);
  }
  hooks::close(kFd);
  const CounterSums traffic =
      Traffic(kVendor, "shop.test", Protocol::kHttps2, Visibility::kPlaintext);
  EXPECT_EQ(traffic[kRequests], 3u);
  EXPECT_EQ(traffic[kResponses2xx], 3u);
  EXPECT_EQ(traffic[kSentBytes], sent_);
  EXPECT_EQ(traffic[kReceivedBytes], received_);
}

TEST_F(TlsInTls, RequestsOfWhatIsTooDeepToReadAreInferred) {
  Begin("one.test");
  Begin("two.test");
  Begin("three.test");
  for (int i = 0; i < 3; ++i) {
    Send(kRequest, 3);
    Receive(kResponse, 3);
  }
  const CounterSums traffic =
      Traffic(kVendor, "three.test", Protocol::kTls, Visibility::kInferred);
  EXPECT_EQ(traffic[kRequests], 3u);
  EXPECT_EQ(traffic[kSentBytes], sent_);
  EXPECT_EQ(traffic[kReceivedBytes], received_);
  EXPECT_EQ(Events(kTlsUnpaired), 1u);
}

}  // namespace
}  // namespace proxymeter::shim
