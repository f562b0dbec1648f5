// What a client and a server of OpenSSL send each other, read from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "shim/protocol/tls_testing.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::protocol {
namespace {

using shim::TlsSession;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

static_assert(std::is_trivially_destructible_v<ServerFlight>);
static_assert(std::is_trivially_copyable_v<ServerFlight>);
static_assert(sizeof(ServerFlight) <= 80);
static_assert(sizeof(ClientFlight) <= 16);
[[maybe_unused]] constinit ServerFlight constant_initialized;

std::vector<std::string> ReadServer(const std::string& bytes) {
  return Events(FeedEveryWay(bytes, ServerFlightObserver{}));
}
std::vector<std::string> ReadClient(const std::string& bytes) {
  return Events(FeedEveryWay(bytes, ClientFlightObserver{}));
}

// Both sides of a hand-shake, then "request" and "response".
struct Sides {
  std::string client;
  std::string server;
};

Sides Talk(TlsSession* session) {
  Sides sides;
  const auto to_server = [&] {
    const std::string records = session->FromClient();
    sides.client += records;
    session->ToServer(records);
  };
  const auto to_client = [&] {
    const std::string records = session->FromServer();
    sides.server += records;
    session->ToClient(records);
  };
  for (bool done = false; !done;) {
    done = session->ClientHandshake();
    to_server();
    done = session->ServerHandshake() && done;
    to_client();
  }
  EXPECT_EQ(SSL_write(session->client(), "request", 7), 7);
  to_server();
  EXPECT_EQ(SSL_write(session->server(), "response", 8), 8);
  to_client();
  return sides;
}

TEST(TlsFlights, OfTls12) {
  TlsSession session("www.b.test");
  SSL_set_max_proto_version(session.client(), TLS1_2_VERSION);
  SSL_set_cipher_list(session.client(), "ECDHE-ECDSA-AES128-GCM-SHA256");
  const Sides sides = Talk(&session);
  EXPECT_THAT(ReadClient(sides.client), ElementsAre("finished", "data 31"));
  EXPECT_THAT(ReadServer(sides.server),
              ElementsAre("hello 1.2 none 49195", "data 32"));
}

TEST(TlsFlights, OfTls13) {
  for (const auto& [suite, number] :
       {std::pair("TLS_AES_128_GCM_SHA256", "4865"),
        std::pair("TLS_AES_256_GCM_SHA384", "4866"),
        std::pair("TLS_CHACHA20_POLY1305_SHA256", "4867"),
        std::pair("TLS_AES_128_CCM_8_SHA256", "4869")}) {
    SCOPED_TRACE(suite);
    TlsSession session("www.b.test");
    ASSERT_EQ(SSL_set_ciphersuites(session.client(), suite), 1);
    ASSERT_EQ(SSL_set_ciphersuites(session.server(), suite), 1);
    const Sides sides = Talk(&session);
    const auto client = ReadClient(sides.client);
    ASSERT_EQ(client.size(), 2u);
    EXPECT_EQ(client[0], "finished");
    const auto server = ReadServer(sides.server);
    EXPECT_EQ(server.front(), "hello 1.3 none "s + number);
    // Behind the hello the hand-shake's own, two tickets, the response.
    EXPECT_GE(server.size(), 1u + 4u + 2u + 1u);
    const bool short_tag = number == "4869"s;
    EXPECT_EQ(client[1], short_tag ? "data 16" : "data 24");
    EXPECT_EQ(server.back(), short_tag ? "data 17" : "data 25");
  }
}

TEST(TlsFlights, AHelloThatAsksForAnotherIsPassedOver) {
  TlsSession session("www.b.test");
  SSL_set1_groups_list(session.server(), "P-384");
  const Sides sides = Talk(&session);
  EXPECT_THAT(ReadClient(sides.client), ElementsAre("finished", "data 24"));
  EXPECT_EQ(ReadServer(sides.server).front(), "hello 1.3 none 4866");
}

TEST(TlsFlights, AServerOfTls12TellsItsChoice) {
  for (const auto& [offer, shown] :
       {std::pair("\2h2", "h2"), std::pair("\x08http/1.1", "http/1.1"),
        std::pair("\4imap", "other")}) {
    TlsSession session("www.b.test");
    SSL_set_max_proto_version(session.client(), TLS1_2_VERSION);
    SSL_set_alpn_protos(session.client(),
                        reinterpret_cast<const unsigned char*>(offer),
                        static_cast<unsigned>(1 + offer[0]));
    SSL_CTX_set_alpn_select_cb(
        SSL_get_SSL_CTX(session.server()),
        [](SSL*, const unsigned char** out, unsigned char* size,
           const unsigned char* in, unsigned, void*) {
          *out = in + 1;
          *size = *in;
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    EXPECT_EQ(ReadServer(Talk(&session).server).front(),
              "hello 1.2 "s + shown + " 49196");
  }
}

// A message of its own, in records of any size.
std::string Hello(const std::string& extensions, char minor = 3) {
  const std::string body = "\x03"s + minor + std::string(32, 'r') + "\x02id"s +
                           "\xc0\x2b\x00"s + extensions;
  return "\x02\x00\x00"s + static_cast<char>(body.size()) + body;
}

std::string Extensions(const std::string& text) {
  return "\x00"s + static_cast<char>(text.size()) + text;
}

TEST(TlsFlights, HellosInManyRecords) {
  const std::string message = Hello(Extensions("\x00\x2b\x00\x02\x03\x04"s));
  for (std::size_t size = 1; size < message.size(); size += 5) {
    std::string records;
    for (std::size_t at = 0; at < message.size(); at += size) {
      records += TlsRecord(22, message.substr(at, size));
    }
    EXPECT_THAT(ReadServer(records + TlsRecord(23, 40)),
                ElementsAre("hello 1.3 none 49195", "data 40"));
  }
  // More of the hand-shake in the same record.
  EXPECT_THAT(ReadServer(TlsRecord(22, message + "certificates")),
              ElementsAre("hello 1.3 none 49195"));
}

TEST(TlsFlights, OldAndNewVersions) {
  EXPECT_THAT(ReadServer(TlsRecord(22, Hello(""))),
              ElementsAre("hello 1.2 none 49195"));
  EXPECT_THAT(ReadServer(TlsRecord(22, Hello(Extensions(""), 1))),
              ElementsAre("hello 1.0 none 49195"));
  EXPECT_THAT(ReadServer(TlsRecord(22, Hello("", 2))),
              ElementsAre("hello 1.1 none 49195"));
  // A draft's number.
  EXPECT_THAT(
      ReadServer(TlsRecord(22, Hello(Extensions("\x00\x2b\x00\x02\x7f\x1c"s)))),
      ElementsAre("hello unknown none 49195"));
}

TEST(TlsFlights, WhatIsNoServerIsLost) {
  EXPECT_THAT(ReadServer("HTTP/1.1 400 Bad Request\r\n\r\n"),
              ElementsAre("lost"));
  EXPECT_THAT(ReadServer(TlsRecord(23, 20)), ElementsAre("lost"));
  // A client's hello, lengths that do not agree, one asked for again twice.
  EXPECT_THAT(ReadServer(TlsRecord(22, "\x01\x00\x00\x20"s)),
              ElementsAre("lost"));
  EXPECT_THAT(ReadServer(TlsRecord(22, Hello("\x00\x09\x00"s))),
              ElementsAre("lost"));
  EXPECT_THAT(
      ReadServer(TlsRecord(22, Hello(Extensions("\x00\x2b\x00\x09\x03"s)))),
      ElementsAre("lost"));
  std::string retry = Hello("");
  const unsigned char random[] = {
      0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
      0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
      0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
  retry.replace(6, 32, reinterpret_cast<const char*>(random), 32);
  EXPECT_THAT(ReadServer(TlsRecord(22, retry + Hello(""))),
              ElementsAre("hello 1.2 none 49195"));
  EXPECT_THAT(ReadServer(TlsRecord(22, retry + retry)), ElementsAre("lost"));
  // An alert alone is a refusal, and nothing is wrong with it.
  EXPECT_THAT(ReadServer(TlsRecord(21, 2)), IsEmpty());
}

TEST(TlsFlights, RecordsOfNoVersionOrTypeAreLost) {
  const std::string hello = TlsRecord(22, Hello(""));
  EXPECT_THAT(ReadServer(hello + TlsRecord(25, 9)),
              ElementsAre("hello 1.2 none 49195", "lost"));
  EXPECT_THAT(ReadServer(hello + "\x17\x02\x03\x00\x01"s),
              ElementsAre("hello 1.2 none 49195", "lost"));
  EXPECT_THAT(ReadServer(hello + "\x17\x03\x03\x48\x01"s),
              ElementsAre("hello 1.2 none 49195", "lost"));
  EXPECT_THAT(ReadServer(hello + "\x17\x03\x03\x48"s),
              ElementsAre("hello 1.2 none 49195"));
  EXPECT_THAT(ReadClient("GET / HTTP/1.1\r\n\r\n"), ElementsAre("lost"));
}

TEST(TlsRecords, UnseenBytesMustBeOfOneRecord) {
  const std::string record = TlsRecord(23, 100);
  const auto begun = [&](std::size_t size) {
    TlsRecords records;
    Bytes data(reinterpret_cast<const std::uint8_t*>(record.data()), size);
    while (records.Next(&data)) {
    }
    return records;
  };
  EXPECT_TRUE(begun(5).Skip(100));
  EXPECT_FALSE(begun(5).Skip(101));
  EXPECT_TRUE(begun(65).Skip(40));
  EXPECT_FALSE(begun(65).Skip(41));
  EXPECT_FALSE(begun(3).Skip(1));
  TlsRecords lost = begun(5);
  lost.Skip(101);
  EXPECT_TRUE(lost.lost());
  Bytes data(reinterpret_cast<const std::uint8_t*>(record.data()), 105);
  EXPECT_FALSE(lost.Next(&data));
  EXPECT_TRUE(data.empty());
}

}  // namespace
}  // namespace proxymeter::protocol
