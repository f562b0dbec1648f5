#include "shim/hooks/openssl.h"

#include <string>
#include <thread>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: www.shop.test\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class OpenSslHooks : public ShimFixture {
 protected:
  void Open() {
    Connect(kFd, kProxyAddress, 443);
    sent_ = received_ = 0;
  }
  void Send(const std::string& records) {
    if (records.empty()) return;
    hooks::send(kFd, records.data(), records.size(), 0);
    sent_ += records.size();
  }
  void Receive(const std::string& records) {
    if (records.empty()) return;
    std::string buffer(records.size(), '\0');
    fake_.Receives(records);
    hooks::recv(kFd, buffer.data(), buffer.size(), 0);
    received_ += records.size();
  }
  // As asyncio does it: the library never sees the socket.
  void Handshake(TlsSession* session) {
    for (bool done = false; !done;) {
      done = session->ClientHandshake();
      const std::string out = session->FromClient();
      Send(out);
      session->ToServer(out);
      done = session->ServerHandshake() && done;
      const std::string in = session->FromServer();
      Receive(in);
      session->ToClient(in);
    }
  }
  static const void* Here() { return __builtin_return_address(0); }

  void Exchange(TlsSession* session) {
    EXPECT_EQ(hooks::SSL_write(Here(), session->client(), kRequest.data(),
                               static_cast<int>(kRequest.size())),
              static_cast<int>(kRequest.size()));
    const std::string out = session->FromClient();
    Send(out);
    session->ToServer(out);
    char buffer[256];
    EXPECT_EQ(SSL_read(session->server(), buffer, sizeof(buffer)),
              static_cast<int>(kRequest.size()));
    SSL_write(session->server(), kResponse.data(),
              static_cast<int>(kResponse.size()));
    const std::string in = session->FromServer();
    Receive(in);
    session->ToClient(in);
    std::size_t size = 0;
    EXPECT_EQ(hooks::SSL_read_ex(Here(), session->client(), buffer,
                                 sizeof(buffer), &size),
              1);
    EXPECT_EQ(std::string_view(buffer, size), kResponse);
  }

  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

TEST_F(OpenSslHooks, MemoryBioIsPairedByItsClientRandom) {
  Open();
  TlsSession session("shop.test");
  Handshake(&session);
  Exchange(&session);
  Exchange(&session);
  hooks::close(kFd);
  // Requests go to their Host, bytes to the server name.
  const CounterSums requests = Traffic(
      kVendor, "www.shop.test", Protocol::kHttps1, Visibility::kPlaintext);
  EXPECT_EQ(requests[kRequests], 2u);
  EXPECT_EQ(requests[kResponses2xx], 2u);
  const CounterSums bytes =
      Traffic(kVendor, "shop.test", Protocol::kHttps1, Visibility::kPlaintext);
  EXPECT_EQ(bytes[kSentBytes], sent_);
  EXPECT_EQ(bytes[kReceivedBytes], received_);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
}

TEST_F(OpenSslHooks, ObjectsReusedAtOneAddressAreNotConfused) {
  for (int i = 0; i < 20; ++i) {
    Open();
    {
      TlsSession session("shop.test");
      Handshake(&session);
      Exchange(&session);
    }
    hooks::close(kFd);
  }
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 20u);
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kResponses2xx], 20u);
}

TEST_F(OpenSslHooks, ServersInTheSameProcessAreNotCounted) {
  Open();
  TlsSession session("shop.test");
  Handshake(&session);
  EXPECT_GT(hooks::SSL_write(Here(), session.server(), "HTTP/1.1 200 OK", 15),
            0);
  hooks::close(kFd);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 0u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(OpenSslHooks, SessionsOfOtherSocketsPassThrough) {
  Open();
  TlsSession session("shop.test");
  for (bool done = false; !done;) {
    done = session.ClientHandshake();
    session.ToServer(session.FromClient());
    done = session.ServerHandshake() && done;
    session.ToClient(session.FromServer());
  }
  std::size_t written = 0;
  EXPECT_EQ(hooks::SSL_write_ex(Here(), session.client(), kRequest.data(),
                                kRequest.size(), &written),
            1);
  EXPECT_EQ(written, kRequest.size());
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 0u);
}

TEST_F(OpenSslHooks, FailuresAreTheLibrarysOwn) {
  Open();
  TlsSession session("shop.test");
  char buffer[16];
  EXPECT_EQ(hooks::SSL_read(Here(), session.client(), buffer, 16), -1);
  EXPECT_EQ(SSL_get_error(session.client(), -1), SSL_ERROR_WANT_READ);
}

// The library's inner calls do not lead to the hooks here, as in one that is
// linked with -Bsymbolic.
TEST_F(OpenSslHooks, EarlyDataCountsOnceItIsAccepted) {
  TlsSession first("shop.test");
  Open();
  Handshake(&first);
  Exchange(&first);
  hooks::close(kFd);
  TlsSession second("shop.test", &first);
  Open();
  std::size_t size = 0;
  ASSERT_EQ(hooks::SSL_write_early_data(Here(), second.client(),
                                        kRequest.data(), 10, &size),
            1);
  ASSERT_EQ(
      hooks::SSL_write_early_data(Here(), second.client(), kRequest.data() + 10,
                                  kRequest.size() - 10, &size),
      1);
  const std::string out = second.FromClient();
  Send(out);
  second.ToServer(out);
  char buffer[256];
  std::size_t early = 0;
  while (SSL_read_early_data(second.server(), buffer + early,
                             sizeof(buffer) - early,
                             &size) == SSL_READ_EARLY_DATA_SUCCESS) {
    early += size;
  }
  EXPECT_EQ(std::string_view(buffer, early), kRequest);
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 1u);
  for (int step = 0; step < 4; ++step) {
    const std::string in = second.FromServer();
    Receive(in);
    second.ToClient(in);
    hooks::SSL_do_handshake(Here(), second.client());
    const std::string finished = second.FromClient();
    Send(finished);
    second.ToServer(finished);
    SSL_read_early_data(second.server(), buffer, sizeof(buffer), &size);
    second.ServerHandshake();
  }
  ASSERT_EQ(SSL_get_early_data_status(second.client()),
            SSL_EARLY_DATA_ACCEPTED);
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 2u);
  Exchange(&second);
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 3u);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
}

TEST_F(OpenSslHooks, SendfileWithoutKernelTlsFailsAsItDoes) {
  Open();
  TlsSession session("shop.test");
  Handshake(&session);
  EXPECT_EQ(hooks::SSL_sendfile(Here(), session.client(), 0, 0, 10, 0), -1);
  EXPECT_EQ(SSL_get_error(session.client(), -1), SSL_ERROR_SSL);
  Exchange(&session);
  EXPECT_EQ(Traffic(kVendor, "www.shop.test")[kRequests], 1u);
}

constexpr char kWriteName[] = "SSL_write";

TEST(FindOpenSsl, EachCallSiteFindsItsLibraryOnce) {
  const void* here = __builtin_return_address(0);
  const OpenSslCall call = FindOpenSsl(here, kWriteName);
  EXPECT_EQ(call.real, reinterpret_cast<void*>(&::SSL_write));
  ASSERT_NE(call.library, nullptr);
  EXPECT_TRUE(call.library->can_pair());
  EXPECT_EQ(FindOpenSsl(here, kWriteName).library, call.library);
}

TEST(FindOpenSsl, NoCallIsEverLeftWithoutItsFunction) {
  // Far more call sites than are remembered, from several threads at once.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      const auto* code = static_cast<const char*>(__builtin_return_address(0));
      for (int i = 0; i < 600; ++i) {
        EXPECT_NE(FindOpenSsl(code + 4 * i + t, "SSL_read").real, nullptr);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace proxymeter::shim
