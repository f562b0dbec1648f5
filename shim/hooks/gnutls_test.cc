#include "shim/hooks/gnutls.h"

#include <gnutls/gnutls.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: www.shop.test\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
// Ranges need a cipher that pads.
constexpr char kPriority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:+ECDHE-PSK:-CIPHER-ALL:+AES-128-CBC";

// A side of a session whose records go into and come out of strings.
struct Side {
  std::string out;
  std::string in;
  bool refuses = false;  // as a socket whose buffer is full
};

ssize_t Push(gnutls_transport_ptr_t side, const void* data, size_t size) {
  auto* self = static_cast<Side*>(side);
  if (self->refuses) {
    errno = EAGAIN;
    return -1;
  }
  self->out.append(static_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

ssize_t Pull(gnutls_transport_ptr_t side, void* data, size_t size) {
  std::string* in = &static_cast<Side*>(side)->in;
  if (in->empty()) {
    errno = EAGAIN;
    return -1;
  }
  size = std::min(size, in->size());
  std::memcpy(data, in->data(), size);
  in->erase(0, size);
  return static_cast<ssize_t>(size);
}

int Key(gnutls_session_t, const char*, gnutls_datum_t* key) {
  key->data = static_cast<unsigned char*>(gnutls_malloc(4));
  std::memcpy(key->data, "key", 4);
  key->size = 4;
  return 0;
}

class GnuTlsHooks : public ShimFixture {
 protected:
  GnuTlsHooks() {
    gnutls_datum_t key;
    Key(nullptr, nullptr, &key);
    gnutls_psk_allocate_client_credentials(&client_key_);
    gnutls_psk_set_client_credentials(client_key_, "user", &key,
                                      GNUTLS_PSK_KEY_RAW);
    gnutls_free(key.data);
    gnutls_psk_allocate_server_credentials(&server_key_);
    gnutls_psk_set_server_credentials_function(server_key_, Key);
    gnutls_init(&client_, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_init(&server_, GNUTLS_SERVER | GNUTLS_NONBLOCK);
    gnutls_credentials_set(client_, GNUTLS_CRD_PSK, client_key_);
    gnutls_credentials_set(server_, GNUTLS_CRD_PSK, server_key_);
    gnutls_server_name_set(client_, GNUTLS_NAME_DNS, "shop.test", 9);
    Attach(client_, &client_side_);
    Attach(server_, &server_side_);
    Connect(kFd, kProxyAddress, 443);
  }
  ~GnuTlsHooks() override {
    gnutls_deinit(client_);
    gnutls_deinit(server_);
    gnutls_psk_free_client_credentials(client_key_);
    gnutls_psk_free_server_credentials(server_key_);
  }

  static void Attach(gnutls_session_t session, Side* side) {
    gnutls_priority_set_direct(session, kPriority, nullptr);
    gnutls_transport_set_ptr(session, side);
    gnutls_transport_set_push_function(session, Push);
    gnutls_transport_set_pull_function(session, Pull);
  }
  static const void* Here() { return __builtin_return_address(0); }

  // Carries what the client has put out over the metered socket.
  void Flush() {
    std::string records;
    records.swap(client_side_.out);
    if (!records.empty()) {
      hooks::send(kFd, records.data(), records.size(), 0);
    }
    server_side_.in += records;
    records.clear();
    records.swap(server_side_.out);
    if (!records.empty()) {
      fake_.Receives(records);
      std::string buffer(records.size(), '\0');
      hooks::recv(kFd, buffer.data(), buffer.size(), 0);
    }
    client_side_.in += records;
  }
  void Handshake() {
    int client = -1;
    int server = -1;
    for (int step = 0; step < 20 && (client != 0 || server != 0); ++step) {
      if (client != 0) client = hooks::gnutls_handshake(Here(), client_);
      Flush();
      if (server != 0) server = gnutls_handshake(server_);
      Flush();
    }
    ASSERT_EQ(client, 0) << gnutls_strerror(client);
    ASSERT_EQ(server, 0) << gnutls_strerror(server);
  }
  // What the server has received.
  std::string Served() {
    Flush();
    char buffer[4096];
    const ssize_t size = gnutls_record_recv(server_, buffer, sizeof(buffer));
    return size > 0 ? std::string(buffer, size) : std::string();
  }
  void Respond() {
    gnutls_record_send(server_, kResponse.data(), kResponse.size());
    Flush();
  }
  static std::uint64_t Requests() {
    return Traffic(kVendor, "www.shop.test", Protocol::kHttps1,
                   Visibility::kPlaintext)[kRequests];
  }
  static std::uint64_t Responses() {
    return Traffic(kVendor, "www.shop.test")[kResponses2xx];
  }

  gnutls_psk_client_credentials_t client_key_;
  gnutls_psk_server_credentials_t server_key_;
  gnutls_session_t client_;
  gnutls_session_t server_;
  Side client_side_;
  Side server_side_;
};

constexpr auto kRequestSize = static_cast<ssize_t>(kRequest.size());
constexpr auto kResponseSize = static_cast<ssize_t>(kResponse.size());

TEST_F(GnuTlsHooks, EveryCallOfTheFamilyIsReported) {
  Handshake();
  char buffer[256];
  EXPECT_EQ(hooks::gnutls_record_send(Here(), client_, kRequest.data(),
                                      kRequest.size()),
            kRequestSize);
  EXPECT_EQ(Served(), kRequest);
  Respond();
  EXPECT_EQ(hooks::gnutls_record_recv(Here(), client_, buffer, sizeof(buffer)),
            kResponseSize);
  EXPECT_EQ(Requests(), 1u);
  EXPECT_EQ(Responses(), 1u);

  EXPECT_EQ(hooks::gnutls_record_send2(Here(), client_, kRequest.data(),
                                       kRequest.size(), 0, 0),
            kRequestSize);
  EXPECT_EQ(Served(), kRequest);
  Respond();
  unsigned char sequence[8];
  EXPECT_EQ(hooks::gnutls_record_recv_seq(Here(), client_, buffer,
                                          sizeof(buffer), sequence),
            kResponseSize);
  EXPECT_EQ(Requests(), 2u);
  EXPECT_EQ(Responses(), 2u);

  const gnutls_range_st range = {kRequest.size(), kRequest.size()};
  EXPECT_EQ(hooks::gnutls_record_send_range(Here(), client_, kRequest.data(),
                                            kRequest.size(), &range),
            kRequestSize);
  EXPECT_EQ(Served(), kRequest);
  Respond();
  gnutls_packet_t packet;
  EXPECT_EQ(hooks::gnutls_record_recv_packet(Here(), client_, &packet),
            kResponseSize);
  gnutls_packet_deinit(packet);
  EXPECT_EQ(Requests(), 3u);
  EXPECT_EQ(Responses(), 3u);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(GnuTlsHooks, ServersInTheSameProcessAreNotCounted) {
  Handshake();
  EXPECT_EQ(hooks::gnutls_record_send(Here(), server_, kResponse.data(),
                                      kResponse.size()),
            kResponseSize);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 0u);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kSentBytes], 0u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(GnuTlsHooks, ACallFinishedWithoutItsBufferIsNotRead) {
  Handshake();
  client_side_.refuses = true;
  EXPECT_EQ(hooks::gnutls_record_send(Here(), client_, kRequest.data(),
                                      kRequest.size()),
            GNUTLS_E_AGAIN);
  client_side_.refuses = false;
  EXPECT_EQ(hooks::gnutls_record_send(Here(), client_, nullptr, 0),
            kRequestSize);
  EXPECT_EQ(Served(), kRequest);
  // A head that nobody showed: said, not guessed.
  EXPECT_EQ(Requests(), 0u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 1u);
}

TEST_F(GnuTlsHooks, ARepeatedCallIsReportedOnce) {
  Handshake();
  client_side_.refuses = true;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(hooks::gnutls_record_send(Here(), client_, kRequest.data(),
                                        kRequest.size()),
              GNUTLS_E_AGAIN);
  }
  client_side_.refuses = false;
  EXPECT_EQ(hooks::gnutls_record_send(Here(), client_, kRequest.data(),
                                      kRequest.size()),
            kRequestSize);
  EXPECT_EQ(Requests(), 1u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(GnuTlsHooks, ARenegotiatedSessionStaysWithItsConnection) {
  Handshake();
  hooks::gnutls_record_send(Here(), client_, kRequest.data(), kRequest.size());
  EXPECT_EQ(Served(), kRequest);
  gnutls_datum_t before;
  gnutls_datum_t server;
  gnutls_session_get_random(client_, &before, &server);
  const std::string first(reinterpret_cast<char*>(before.data), before.size);
  Handshake();
  gnutls_session_get_random(client_, &before, &server);
  ASSERT_NE(first,
            std::string(reinterpret_cast<char*>(before.data), before.size));
  hooks::gnutls_record_send(Here(), client_, kRequest.data(), kRequest.size());
  EXPECT_EQ(Served(), kRequest);
  EXPECT_EQ(Requests(), 2u);
}

TEST_F(GnuTlsHooks, FailuresAreTheLibrarysOwn) {
  char buffer[16];
  EXPECT_LT(hooks::gnutls_record_recv(Here(), client_, buffer, 16), 0);
  EXPECT_LT(hooks::gnutls_record_send_file(Here(), client_, -1, nullptr, 1), 0);
  EXPECT_EQ(hooks::gnutls_handshake(Here(), client_), GNUTLS_E_AGAIN);
}

}  // namespace
}  // namespace proxymeter::shim
