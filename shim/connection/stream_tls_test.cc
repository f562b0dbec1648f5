// Sessions whose plaintext nobody shows, or shows late.
#include <openssl/ssl.h>

#include <cstring>
#include <string>
#include <vector>

#include "proxymeter/tls_session.h"
#include "shim/hooks/hooks.h"
#include "shim/testing/exchange_fixture.h"
#include "shim/testing/tls_client.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::shim {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: www.b.test\r\n\r\n";
const std::string kOk =
    "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nok";

/// A client and a server talk; what they would send is kept as turns.
class Talk {
 public:
  explicit Talk(int version, const std::string& alpn = {},
                const std::string& name = "www.b.test")
      : session_(name) {
    SSL_set_max_proto_version(session_.client(), version);
    if (!alpn.empty()) {
      SSL_set_alpn_protos(session_.client(),
                          reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
      SSL_CTX_set_alpn_select_cb(
          SSL_get_SSL_CTX(session_.server()),
          [](SSL*, const unsigned char** out, unsigned char* size,
             const unsigned char* in, unsigned, void*) {
            *out = in + 1;
            *size = *in;
            return SSL_TLSEXT_ERR_OK;
          },
          nullptr);
    }
  }

  SSL* client() { return session_.client(); }
  SSL* server() { return session_.server(); }

  void Shake() {
    for (bool done = false; !done;) {
      done = session_.ClientHandshake();
      FlushClient();
      done = session_.ServerHandshake() && done;
      FlushServer();
    }
  }
  void Say(const std::string& text) {
    EXPECT_GT(SSL_write(client(), text.data(), static_cast<int>(text.size())),
              0);
    FlushClient();
    ReadAll(server());
  }
  void Answer(const std::string& text) {
    EXPECT_GT(SSL_write(server(), text.data(), static_cast<int>(text.size())),
              0);
    FlushServer();
    ReadAll(client());
  }
  void FlushClient() {
    const std::string records = session_.FromClient();
    if (records.empty()) return;
    turns.push_back(Out(records));
    session_.ToServer(records);
  }
  void FlushServer() {
    const std::string records = session_.FromServer();
    if (records.empty()) return;
    turns.push_back(In(records));
    session_.ToClient(records);
  }

  std::vector<Turn> turns;

 private:
  static void ReadAll(SSL* ssl) {
    char buffer[4096];
    while (SSL_read(ssl, buffer, sizeof buffer) > 0) {
    }
  }

  TlsSession session_;
};

class StreamTlsTest : public ExchangeFixture {
 protected:
  static std::uint64_t Sessions(TlsVersion version, Alpn alpn,
                                Visibility visibility) {
    return Sum(kVendor, [&](const JournalRow& row) {
      return row.kind == RowKind::kTlsSession &&
             row.code == TlsSessionCode(version, alpn) &&
             row.visibility == visibility;
    });
  }
  static std::uint64_t AllSessions() {
    return Sum(kVendor, [&](const JournalRow& row) {
      return row.kind == RowKind::kTlsSession;
    });
  }
  // Within headers and behind them: the parsers' own tests cut everywhere, and
  // each of these is a new shim.
  template <typename Check>
  void ForSomeCuts(const std::vector<Turn>& exchange, Check check) {
    for (const std::size_t cut : {0, 1, 2, 4, 5, 6, 9, 60, 131, 300}) {
      SCOPED_TRACE(cut);
      PlayCut(exchange, cut);
      check();
    }
  }
  static CounterSums Inferred(std::string_view host = "www.b.test") {
    return Traffic(kVendor, host, Protocol::kTls, Visibility::kInferred);
  }

 private:
  template <typename Wanted>
  static std::uint64_t Sum(std::string_view vendor, Wanted wanted) {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
      const JournalRow& row = shim.meter.journal().rows()[i];
      if (row.vendor() == vendor && wanted(row)) {
        sum += row.counters[kTlsSessions];
      }
    }
    return sum;
  }
};

class StreamTlsVersionTest : public StreamTlsTest,
                             public testing::WithParamInterface<int> {
 protected:
  static TlsVersion Version() {
    return GetParam() == TLS1_2_VERSION ? TlsVersion::kTls12
                                        : TlsVersion::kTls13;
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, StreamTlsVersionTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& tested) {
                           return tested.param == TLS1_2_VERSION ? "Tls12"
                                                                 : "Tls13";
                         });

TEST_P(StreamTlsVersionTest, RequestsAreInferredFromTurns) {
  Talk talk(GetParam());
  talk.Shake();
  for (int i = 0; i < 3; ++i) {
    talk.Say(kGet);
    talk.Answer(kOk);
  }
  talk.Answer("of three in two pieces");
  // A head and a body.
  talk.Say("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n");
  talk.Say("12345 and more than a control frame");
  talk.Answer(kOk);
  SSL_shutdown(talk.client());
  talk.FlushClient();
  ForSomeCuts(talk.turns, [&] {
    const CounterSums traffic = Inferred();
    EXPECT_EQ(traffic[kRequests], 4u);
    EXPECT_EQ(traffic[kResponses2xx], 0u);
    EXPECT_EQ(traffic[kSentBytes], Size(talk.turns, true));
    EXPECT_EQ(traffic[kReceivedBytes], Size(talk.turns, false));
    EXPECT_EQ(Sessions(Version(), Alpn::kNone, Visibility::kInferred), 1u);
    EXPECT_EQ(AllSessions(), 1u);
    EXPECT_EQ(Events(kTlsUnpaired), 1u);
    EXPECT_EQ(Events(kDesynchronisedTls), 0u);
  });
}

TEST_P(StreamTlsVersionTest, WhatIsInterimIsNoTurn) {
  Talk talk(GetParam());
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(kOk);
  talk.Say("PUT / HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\n\r\n");
  talk.Answer("HTTP/1.1 100 Continue\r\n\r\n");
  talk.Say(std::string(3000, 'x'));
  talk.Answer(kOk);
  ForSomeCuts(talk.turns, [&] { EXPECT_EQ(Inferred()[kRequests], 2u); });
}

TEST_P(StreamTlsVersionTest, ARequestWithoutAnAnswerCountsAtTheEnd) {
  Talk talk(GetParam());
  talk.Shake();
  talk.Say(kGet);
  ForSomeCuts(talk.turns, [&] {
    EXPECT_EQ(Inferred()[kRequests], 1u);
    EXPECT_EQ(AllSessions(), 1u);
  });
}

TEST_P(StreamTlsVersionTest, ASessionWithoutDataIsNone) {
  Talk talk(GetParam());
  talk.Shake();
  PlayCut(talk.turns, 0);
  EXPECT_EQ(Inferred()[kRequests], 0u);
  EXPECT_EQ(AllSessions(), 0u);
}

TEST_P(StreamTlsVersionTest, OtherProtocolsHaveNoRequests) {
  Talk talk(GetParam(), "\4imap");
  talk.Shake();
  talk.Say("a001 LOGIN somebody secret");
  talk.Answer("a001 OK LOGIN completed, and more than interim");
  PlayCut(talk.turns, 0);
  EXPECT_EQ(Inferred()[kRequests], 0u);
  EXPECT_EQ(Sessions(Version(), Alpn::kOther, Visibility::kInferred), 1u);
}

TEST_P(StreamTlsVersionTest, OfSeveralProtocolsTls13HidesTheChoice) {
  const bool hidden = GetParam() == TLS1_3_VERSION;
  Talk both(GetParam(), "\2h2\x08http/1.1");
  both.Shake();
  both.Say(kGet);
  PlayCut(both.turns, 0);
  EXPECT_EQ(Sessions(Version(), hidden ? Alpn::kHidden : Alpn::kHttp2,
                     Visibility::kInferred),
            1u);
  Talk one(GetParam(), "\x08http/1.1");
  one.Shake();
  one.Say(kGet);
  PlayCut(one.turns, 0);
  EXPECT_EQ(Sessions(Version(), Alpn::kHttp1, Visibility::kInferred), 1u);
}

TEST_P(StreamTlsVersionTest, RequestsOfHttp2NeedNotTakeTurns) {
  Talk talk(GetParam(), "\2h2");
  talk.Shake();
  // By their sizes alone: preface and settings with a window, settings.
  talk.Say(std::string(24 + 9 + 6 * 3 + 13, 'p'));
  talk.Answer(std::string(9 + 6 * 3 + 13, 's'));
  talk.Say(std::string(9, 'a'));
  talk.Answer(std::string(9, 'a'));
  for (int i = 0; i < 3; ++i) talk.Say(std::string(100 + i, 'h'));
  talk.Answer(std::string(2000, 'r'));
  talk.Say(std::string(13, 'w'));
  // A request with a body.
  talk.Say(std::string(40, 'h'));
  talk.Say(std::string(10000, 'd'));
  talk.Say(std::string(500, 'd'));
  talk.Answer(std::string(200, 'r'));
  talk.Say(std::string(35, 'h'));
  talk.Say(std::string(17, 'g'));
  PlayCut(talk.turns, 0);
  EXPECT_EQ(Inferred()[kRequests], 5u);
}

TEST_F(StreamTlsTest, TicketsAreNoTurn) {
  Talk talk(TLS1_3_VERSION);
  talk.Shake();
  // The tickets were last: the head comes before them, the body behind.
  const Turn tickets = talk.turns.back();
  ASSERT_FALSE(tickets.sent);
  talk.turns.pop_back();
  talk.Say("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 99\r\n\r\n");
  talk.turns.push_back(tickets);
  talk.Say(std::string(99, 'x'));
  talk.Answer(kOk);
  talk.Say(kGet);
  ForSomeCuts(talk.turns, [&] { EXPECT_EQ(Inferred()[kRequests], 2u); });
}

TEST_F(StreamTlsTest, KeyUpdatesAreNoRequests) {
  Talk talk(TLS1_3_VERSION);
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(kOk);
  SSL_key_update(talk.client(), SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(talk.client());
  talk.FlushClient();
  PlayCut(talk.turns, 0);
  EXPECT_EQ(Inferred()[kRequests], 1u);
}

TEST_F(StreamTlsTest, ARetriedHelloIsFollowed) {
  Talk talk(TLS1_3_VERSION);
  SSL_set1_groups_list(talk.server(), "P-384");
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(kOk);
  talk.Say(kGet);
  ForSomeCuts(talk.turns, [&] {
    EXPECT_EQ(Inferred()[kRequests], 2u);
    EXPECT_EQ(Sessions(TlsVersion::kTls13, Alpn::kNone, Visibility::kInferred),
              1u);
  });
}

TEST_F(StreamTlsTest, WhatIsNotSeenEndsInference) {
  Talk talk(TLS1_3_VERSION);
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(kOk);
  PlayCut(talk.turns, 0);
  RestartShim();
  Connect(kFd, kProxyAddress, 3128);
  for (const Turn& turn : talk.turns) Play(turn);
  ReportSentUnseen(kFd, 100);
  talk.turns.clear();
  talk.Say(kGet);
  for (const Turn& turn : talk.turns) Play(turn);
  hooks::close(kFd);
  EXPECT_EQ(Inferred()[kRequests], 1u);
  EXPECT_EQ(Events(kDesynchronisedTls), 1u);
}

TEST_F(StreamTlsTest, UnseenBytesOfARecordsContentDoNotMatter) {
  Talk talk(TLS1_3_VERSION);
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(std::string(1000, 'x'));
  talk.Answer(std::string(1000, 'x'));
  talk.Answer(std::string(1000, 'x'));
  const std::string last = talk.turns.back().bytes;
  talk.turns.pop_back();
  RestartShim();
  Connect(kFd, kProxyAddress, 3128);
  for (const Turn& turn : talk.turns) Play(turn);
  Receive(last.substr(0, 100));
  ReportReceivedUnseen(kFd, last.size() - 100);
  talk.turns.clear();
  talk.Say(kGet);
  for (const Turn& turn : talk.turns) Play(turn);
  hooks::close(kFd);
  EXPECT_EQ(Inferred()[kRequests], 2u);
  EXPECT_EQ(Events(kDesynchronisedTls), 0u);
}

const char kHere = 0;

TEST_P(StreamTlsVersionTest, NothingIsInferredOfWhatIsShown) {
  Talk talk(GetParam());
  talk.Shake();
  RestartShim();
  Connect(kFd, kProxyAddress, 3128);
  for (const Turn& turn : talk.turns) Play(turn);
  for (int i = 0; i < 3; ++i) {
    talk.turns.clear();
    ASSERT_GT(hooks::SSL_write(&kHere, talk.client(), kGet.data(),
                               static_cast<int>(kGet.size())),
              0);
    talk.FlushClient();
    talk.Answer(kOk);
    for (const Turn& turn : talk.turns) Play(turn);
  }
  hooks::close(kFd);
  EXPECT_EQ(Inferred()[kRequests], 0u);
  EXPECT_EQ(Traffic(kVendor, "www.b.test")[kRequests], 3u);
  EXPECT_EQ(Sessions(Version(), Alpn::kNone, Visibility::kPlaintext), 1u);
  EXPECT_EQ(AllSessions(), 1u);
  EXPECT_EQ(Events(kTlsUnpaired), 0u);
}

// A first SSL_write may make the whole hand-shake: the session is known here
// when its data has long been sent.
TEST_P(StreamTlsVersionTest, WhatIsShownLateIsNotCountedTwice) {
  Talk talk(GetParam());
  talk.Shake();
  talk.Say(kGet);
  RestartShim();
  Connect(kFd, kProxyAddress, 3128);
  for (const Turn& turn : talk.turns) Play(turn);
  unsigned char bytes[32];
  SSL_get_client_random(talk.client(), bytes, sizeof bytes);
  Connection::ClientRandom random;
  std::memcpy(random.data(), bytes, sizeof bytes);
  {
    std::uint8_t depth = 0;
    const auto connection = shim.connections.FindTls(random, &depth);
    ASSERT_TRUE(connection);
    Stream* plaintext = connection->EnsureStream(depth + 1);
    plaintext->Sent(
        {reinterpret_cast<const std::uint8_t*>(kGet.data()), kGet.size()});
  }
  talk.turns.clear();
  talk.Answer(kOk);
  talk.Say(kGet);
  talk.Answer(kOk);
  for (const Turn& turn : talk.turns) Play(turn);
  hooks::close(kFd);
  EXPECT_EQ(Inferred()[kRequests], 0u);
  EXPECT_EQ(Traffic(kVendor, "www.b.test")[kRequests], 1u);
  EXPECT_EQ(Sessions(Version(), Alpn::kNone, Visibility::kPlaintext), 1u);
  EXPECT_EQ(AllSessions(), 1u);
}

// As a client sends it that hides the destination, or wants to look as if.
std::string WithEncryptedHello(std::string hello) {
  const std::string extension("\xfe\x0d\x00\x04\x00\x01\x00\x01", 8);
  hello += extension;
  const auto grow = [&hello](std::size_t at, int size) {
    std::size_t value = 0;
    for (int i = 0; i < size; ++i) {
      value = value << 8 | static_cast<std::uint8_t>(hello[at + i]);
    }
    value += 8;
    for (int i = size; i-- > 0; value >>= 8) {
      hello[at + i] = static_cast<char>(value);
    }
  };
  grow(3, 2);
  grow(6, 3);
  std::size_t at = 5 + 4 + 2 + 32;
  at += 1 + static_cast<std::uint8_t>(hello[at]);
  at += 2 + static_cast<std::uint8_t>(hello[at]) * 256u +
        static_cast<std::uint8_t>(hello[at + 1]);
  at += 1 + static_cast<std::uint8_t>(hello[at]);
  grow(at, 2);
  return hello;
}

TEST_F(StreamTlsTest, ANameThatHidesAnotherLeavesTheTunnelsTarget) {
  const Turn connect = Out("CONNECT b.test:443 HTTP/1.1\r\n\r\n");
  const Turn established = In("HTTP/1.1 200 OK\r\n\r\n");
  const Turn socks[] = {Out({"\x05\x01\x00", 3}), In({"\x05\x00", 2}),
                        Out(std::string("\x05\x01\x00\x03\x06", 5) + "b.test" +
                            std::string("\x01\xbb", 2)),
                        In({"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10})};
  const std::string hidden = WithEncryptedHello(ClientHello("outer.test"));
  for (const std::vector<Turn>& exchange :
       {std::vector<Turn>{connect, established, Out(hidden)},
        std::vector<Turn>{socks[0], socks[1], socks[2], socks[3],
                          Out(hidden)}}) {
    ForSomeCuts(exchange, [&] {
      EXPECT_EQ(Inferred("b.test")[kSentBytes], Size(exchange, true));
      EXPECT_EQ(Inferred("outer.test")[kSentBytes], 0u);
    });
  }
  // With no tunnel there is no other name.
  PlayCut({Out(hidden)}, 0);
  EXPECT_EQ(Inferred("outer.test")[kSentBytes], hidden.size());
}

TEST_P(StreamTlsVersionTest, WithoutANameItIsTheTunnelsTarget) {
  Talk talk(GetParam(), {}, "");
  talk.Shake();
  talk.Say(kGet);
  talk.Answer(kOk);
  std::vector<Turn> exchange = {Out("CONNECT b.test:443 HTTP/1.1\r\n\r\n"),
                                In("HTTP/1.1 200 OK\r\n\r\n")};
  exchange.insert(exchange.end(), talk.turns.begin(), talk.turns.end());
  PlayCut(exchange, 0);
  EXPECT_EQ(Inferred("b.test")[kRequests], 1u);
  EXPECT_EQ(Inferred("b.test")[kSentBytes], Size(exchange, true));
}

}  // namespace
}  // namespace proxymeter::shim
