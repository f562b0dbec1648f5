#include "shim/connection/stream.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/testing/exchange_fixture.h"
#include "shim/testing/tls_client.h"
#include "shim/testing/tls_session.h"

namespace proxymeter::shim {
namespace {

using StreamTest = ExchangeFixture;

TEST_F(StreamTest, BytesFollowTheRequestTheyBelongTo) {
  const std::string first =
      "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const std::string second =
      "POST http://b.test/ HTTP/1.1\r\nHost: b.test\r\n"
      "Content-Length: 4\r\n\r\nbody";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string missing =
      "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nnot\r\n0\r\n\r\n";
  ForEveryCut({Out(first), In(ok), Out(second), In(missing)}, [&] {
    const CounterSums a = Traffic(kVendor, "a.test");
    EXPECT_EQ(a[kSentBytes], first.size());
    EXPECT_EQ(a[kReceivedBytes], ok.size());
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kResponses2xx], 1u);
    const CounterSums b = Traffic(kVendor, "b.test");
    EXPECT_EQ(b[kSentBytes], second.size());
    EXPECT_EQ(b[kReceivedBytes], missing.size());
    EXPECT_EQ(b[kResponses4xx], 1u);
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  });
}

TEST_F(StreamTest, PipelinedRequestsMeetTheirResponsesInOrder) {
  const std::string get = "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const std::string head =
      "HEAD http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string bodiless = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
  ForEveryCut({Out(get + head + get), In(ok + bodiless + ok)}, [&] {
    EXPECT_EQ(Traffic(kVendor, "a.test")[kReceivedBytes], 2 * ok.size());
    EXPECT_EQ(Traffic(kVendor, "b.test")[kReceivedBytes], bodiless.size());
    EXPECT_EQ(Traffic(kVendor, "a.test")[kResponses2xx], 2u);
    EXPECT_EQ(Traffic(kVendor, "b.test")[kResponses2xx], 1u);
  });
}

TEST_F(StreamTest, OriginFormAndInterimResponses) {
  ForEveryCut(
      {Out("PUT /up HTTP/1.1\r\nHost: a.test:8080\r\nExpect: 100-continue\r\n"
           "Content-Length: 3\r\n\r\n"),
       In("HTTP/1.1 100 Continue\r\n\r\n"), Out("abc"),
       In("HTTP/1.1 204 No Content\r\n\r\n")},
      [&] {
        const CounterSums a = Traffic(kVendor, "a.test", Protocol::kHttp1,
                                      Visibility::kPlaintext);
        EXPECT_EQ(a[kRequests], 1u);
        EXPECT_EQ(a[kResponses1xx], 0u);
        EXPECT_EQ(a[kResponses2xx], 1u);
      });
}

TEST_F(StreamTest, ABodyThatIsNotWantedMayNotCome) {
  const std::string head = "POST /up HTTP/1.1\r\nHost: a.test\r\n";
  const std::string length = "Content-Length: 200\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  const std::string body(200, 'P');
  const std::string refused =
      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const std::string get = "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n";
  const std::string expect = "Expect: 100-continue\r\n";
  const auto expect_counts = [](std::uint64_t a, std::uint64_t b) {
    EXPECT_EQ(Traffic(kVendor, "a.test")[kRequests], a);
    EXPECT_EQ(Traffic(kVendor, "a.test")[kResponses4xx], 1u);
    EXPECT_EQ(Traffic(kVendor, "a.test")[kResponses2xx], a - 1);
    EXPECT_EQ(Traffic(kVendor, "b.test")[kRequests], b);
    EXPECT_EQ(Traffic(kVendor, "b.test")[kResponses2xx], b);
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  };
  for (const std::string& framing : {length, chunked}) {
    ForEveryCut({Out(head + expect + framing), In(refused),
                 Out(head + length + body), In(ok), Out(get), In(ok)},
                [&] { expect_counts(2, 1); });
    ForEveryCut({Out(head + expect + framing), In(refused), Out(get), In(ok)},
                [&] { expect_counts(1, 1); });
  }
  // It comes all the same.
  PlayCut(
      {Out(head + expect + length), In(refused), Out(body), Out(get), In(ok)},
      0);
  expect_counts(1, 1);
  EXPECT_EQ(Traffic(kVendor, "b.test")[kSentBytes], get.size());
  // Nobody was asked, or has answered: what follows is the body.
  const std::string like = get + std::string(200 - get.size(), 'x');
  PlayCut({Out(head + length), In(refused), Out(like)}, 0);
  EXPECT_EQ(Traffic(kVendor, "b.test")[kRequests], 0u);
  PlayCut({Out(head + expect + length), In("HTTP/1.1 100 Continue\r\n\r\n"),
           Out(like), In(refused)},
          0);
  EXPECT_EQ(Traffic(kVendor, "b.test")[kRequests], 0u);
  EXPECT_EQ(Traffic(kVendor, "a.test")[kResponses4xx], 1u);
}

TEST_F(StreamTest, ConnectTunnelWithTlsGoesToTheServerName) {
  const std::vector<Turn> exchange = {
      Out("CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n"),
      In("HTTP/1.1 200 Connection established\r\n\r\n"),
      Out(ClientHello("www.b.test")),
      In("\x16\x03\x03 server's flight"),
      Out("\x17\x03\x03 finished"),
      Out("\x17\x03\x03 request"),
      In("\x17\x03\x03 response")};
  ForEveryCut(exchange, [&] {
    // No SSL object was ever seen: opaque, but every byte has its host.
    const CounterSums traffic =
        Traffic(kVendor, "www.b.test", Protocol::kTls, Visibility::kInferred);
    EXPECT_EQ(traffic[kSentBytes], Size(exchange, true));
    EXPECT_EQ(traffic[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(traffic[kRequests], 0u);
    EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 1u);
    EXPECT_EQ(Events(kTlsUnpaired), 1u);
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  });
}

TEST_F(StreamTest, UnpairedTlsIsNotHeldBeyondTheFirstAnswer) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SCOPED_TRACE(version);
    RestartShim();
    Connect(kFd, kProxyAddress, 3128);
    TlsSession session("www.b.test");
    SSL_set_max_proto_version(session.client(), version);
    std::uint64_t sent = 0, received = 0;
    const auto send = [&](const std::string& records) {
      sent += records.size();
      Send(records);
      session.ToServer(records);
    };
    const auto receive = [&](const std::string& records) {
      received += records.size();
      Receive(records);
      session.ToClient(records);
    };
    session.ClientHandshake();
    send(session.FromClient());
    session.ServerHandshake();
    receive(session.FromServer());
    session.ClientHandshake();
    // TLS 1.3 is done here, and waits to send its Finished with the request.
    if (version == TLS1_2_VERSION) {
      send(session.FromClient());
      session.ServerHandshake();
      receive(session.FromServer());
      session.ClientHandshake();
    }
    ASSERT_EQ(SSL_write(session.client(), "request", 7), 7);
    send(session.FromClient());
    EXPECT_EQ(Traffic(kVendor, "www.b.test")[kSentBytes], 0u);
    session.ServerHandshake();
    ASSERT_EQ(SSL_write(session.server(), "response", 8), 8);
    receive(session.FromServer());
    // A process that ends now, without a close, has told whose bytes it were.
    const CounterSums traffic =
        Traffic(kVendor, "www.b.test", Protocol::kTls, Visibility::kInferred);
    EXPECT_EQ(traffic[kSentBytes], sent);
    EXPECT_EQ(traffic[kReceivedBytes], received);
    EXPECT_EQ(Events(kTlsUnpaired), 1u);
    hooks::close(kFd);
  }
}

TEST_F(StreamTest, RefusedConnectIsATunnelReplyAndMayBeTriedAgain) {
  const std::string connect =
      "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n";
  const std::vector<Turn> exchange = {
      Out(connect),
      In("HTTP/1.1 407 Proxy Authentication Required\r\n"
         "Content-Length: 6\r\n\r\ndenied"),
      Out(connect),
      In("HTTP/1.1 200 OK\r\n\r\n"),
      Out("GET / HTTP/1.1\r\nHost: plain.b.test\r\n\r\n"),
      In("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
  ForEveryCut(exchange, [&] {
    EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 407), 1u);
    EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 1u);
    EXPECT_EQ(Traffic(kVendor, "b.test")[kRequests], 0u);
    EXPECT_EQ(Traffic(kVendor, "plain.b.test")[kRequests], 1u);
    // The refused attempt is its target's; the tunnel is its request's.
    EXPECT_EQ(Traffic(kVendor, "b.test")[kSentBytes], connect.size());
    EXPECT_EQ(Traffic(kVendor, "plain.b.test")[kSentBytes],
              Size(exchange, true) - connect.size());
    EXPECT_EQ(Traffic(kVendor, "b.test")[kReceivedBytes],
              exchange[1].bytes.size());
    EXPECT_EQ(Traffic(kVendor, "plain.b.test")[kReceivedBytes],
              Size(exchange, false) - exchange[1].bytes.size());
  });
}

TEST_F(StreamTest, TunnelAfterARequestIsNotForTheRequestsHost) {
  const std::string get = "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const std::vector<Turn> exchange = {
      Out(get),
      In(ok),
      Out("CONNECT b.test:443 HTTP/1.1\r\n\r\n"),
      In("HTTP/1.1 200 OK\r\n\r\n"),
      Out(ClientHello("b.test")),
      In("\x16\x03\x03 flight")};
  ForEveryCut(exchange, [&] {
    EXPECT_EQ(Traffic(kVendor, "a.test")[kSentBytes], get.size());
    EXPECT_EQ(Traffic(kVendor, "a.test")[kReceivedBytes], ok.size());
    EXPECT_EQ(Traffic(kVendor, "b.test")[kSentBytes],
              Size(exchange, true) - get.size());
    EXPECT_EQ(Traffic(kVendor, "b.test")[kReceivedBytes],
              Size(exchange, false) - ok.size());
  });
}

// Of more than one thread.
using StreamThreadsTest = StreamTest;

TEST_F(StreamThreadsTest,
       AReaderThreadFindsTheRequestThatIsStillBeingReported) {
  Connect(kFd, kProxyAddress, 3128);
  const std::string get = "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  constexpr int kRounds = 2000;
  std::atomic<int> sent{0};
  // The response may be read before the sender has got round to reporting.
  std::thread reader([&] {
    for (int i = 0; i < kRounds; ++i) {
      while (sent.load() <= i) std::this_thread::yield();
      ReportReceived(kFd, ok.data(), ok.size());
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    sent.store(i + 1);
    ReportSent(kFd, get.data(), get.size());
    while (Traffic(kVendor, "a.test")[kResponses2xx] <=
           static_cast<std::uint64_t>(i)) {
      std::this_thread::yield();
    }
  }
  reader.join();
  EXPECT_EQ(Traffic(kVendor, "a.test")[kReceivedBytes], kRounds * ok.size());
}

TEST_F(StreamTest, ClientThatDoesNotWaitForTheTunnel) {
  const std::vector<Turn> exchange = {
      Out("CONNECT b.test:443 HTTP/1.1\r\n\r\n" + ClientHello("b.test")),
      In("HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03 flight")};
  ForEveryCut(exchange, [&] {
    EXPECT_EQ(Tunnels(kVendor, Protocol::kConnect, 200), 1u);
    EXPECT_EQ(Traffic(kVendor, "b.test")[kSentBytes], Size(exchange, true));
    EXPECT_EQ(Traffic(kVendor, "b.test")[kReceivedBytes],
              Size(exchange, false));
  });
}

TEST_F(StreamTest, SocksTunnelGoesToTheHostTheClientSends) {
  const std::vector<Turn> exchange = {
      Out({"\x05\x01\x00", 3}),
      In({"\x05\x00", 2}),
      Out(std::string("\x05\x01\x00\x03\x06", 5) + "c.test" +
          std::string("\x00\x50", 2)),
      In({"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10}),
      Out("GET / HTTP/1.1\r\nHost: c.test\r\n\r\n"),
      In("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")};
  ForEveryCut(exchange, [&] {
    const CounterSums traffic = Traffic(kVendor, "c.test");
    EXPECT_EQ(traffic[kSentBytes], Size(exchange, true));
    EXPECT_EQ(traffic[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(traffic[kRequests], 1u);
    EXPECT_EQ(traffic[kResponses5xx], 1u);
    EXPECT_EQ(Tunnels(kVendor, Protocol::kSocks5, 0), 1u);
  });
}

TEST_F(StreamTest, WhatIsNotUnderstoodIsCountedInBytes) {
  const std::vector<Turn> exchange = {Out("SSH-2.0-client\r\n"),
                                      In("SSH-2.0-server\r\n")};
  ForEveryCut(exchange, [&] {
    const CounterSums traffic = Traffic(kVendor, kUnknownDestination);
    EXPECT_EQ(traffic[kSentBytes], Size(exchange, true));
    EXPECT_EQ(traffic[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  });
}

TEST_F(StreamTest, AnAnswerTellsThatItWasNeverHttp) {
  const std::vector<Turn> exchange = {
      Out("COMMAND"), In("done\n"),
      Out("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"),
      In("500 what?\r\n")};
  ForEveryCut(exchange, [&] {
    const CounterSums traffic = Traffic(kVendor, kUnknownDestination,
                                        Protocol::kTcp, Visibility::kInferred);
    EXPECT_EQ(traffic[kSentBytes], Size(exchange, true));
    EXPECT_EQ(traffic[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  });
}

TEST_F(StreamTest, ALostParserSaysSoAndKeepsCounting) {
  const std::vector<Turn> exchange = {
      Out("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"),
      In("HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n"),
      In(std::string(300, 'x')), Out("more")};
  ForEveryCut(exchange, [&] {
    const CounterSums traffic = Traffic(kVendor, "a.test");
    EXPECT_EQ(Events(kDesynchronisedHttp1), 1u);
    EXPECT_EQ(traffic[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(traffic[kSentBytes], Size(exchange, true));
  });
}

TEST_F(StreamTest, ProtocolSwitchIsNoLoss) {
  Connect(kFd, kProxyAddress, 3128);
  Send(
      "GET http://ws.test/ HTTP/1.1\r\nHost: ws.test\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  Receive("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi");
  Send("\x81\x82mask..");
  const CounterSums traffic = Traffic(kVendor, "ws.test");
  EXPECT_EQ(traffic[kResponses1xx], 1u);
  EXPECT_EQ(traffic[kReceivedBytes], 36u + 4u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(StreamTest, HeldBytesStandInTheJournalUntilTheyHaveAHost) {
  Connect(kFd, kProxyAddress, 3128);
  Send("CONNECT b.test:443 HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 31u);
  EXPECT_EQ(Vendor(kVendor)[kReleasedSentBytes], 0u);
  hooks::close(kFd);
  EXPECT_EQ(Vendor(kVendor)[kReleasedSentBytes], 31u);
  EXPECT_EQ(Traffic(kVendor, "b.test")[kSentBytes], 31u);
}

TEST_F(StreamTest, LongUnaskedTransfersAreNotHeldForEver) {
  Connect(kFd, kProxyAddress, 3128);
  for (int i = 0; i < 100; ++i) Receive(std::string(1024, 'x'));
  const CounterSums vendor = Vendor(kVendor);
  EXPECT_EQ(vendor[kHeldReceivedBytes], vendor[kReleasedReceivedBytes]);
  EXPECT_EQ(Traffic(kVendor, kUnknownDestination)[kReceivedBytes],
            100u * 1024u);
}

TEST_F(StreamThreadsTest, TwoThreadsOnOneDirectionLoseNoByte) {
  Connect(kFd, kProxyAddress, 3128);
  constexpr int kRounds = 20000;
  constexpr std::string_view kPiece = "some bytes";
  // The fake libc keeps a script, which is not for two threads: reports alone.
  const auto sender = [&] {
    for (int i = 0; i < kRounds; ++i) {
      ReportSent(kFd, kPiece.data(), kPiece.size());
    }
  };
  const auto receiver = [&] {
    for (int i = 0; i < kRounds; ++i) {
      ReportReceived(kFd, kPiece.data(), kPiece.size());
    }
  };
  std::thread threads[] = {std::thread(sender), std::thread(sender),
                           std::thread(receiver), std::thread(receiver)};
  for (std::thread& thread : threads) thread.join();
  hooks::close(kFd);
  const CounterSums traffic = Traffic(kVendor, kUnknownDestination);
  EXPECT_EQ(traffic[kSentBytes], 2u * kRounds * kPiece.size());
  EXPECT_EQ(traffic[kReceivedBytes], 2u * kRounds * kPiece.size());
}

TEST_F(StreamTest, WebSocketIsNamedFromItsFirstFrameOn) {
  const std::string request =
      "GET /chat HTTP/1.1\r\nHost: ws.test\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\n\r\n";
  const std::string response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
      "Connection: Upgrade\r\n\r\n";
  ForEveryCut(
      {Out(request), In(response), Out("\x81\x05Hello"), In("\x81\x05World!")},
      [&] {
        const CounterSums http = Traffic(kVendor, "ws.test", Protocol::kHttp1,
                                         Visibility::kPlaintext);
        EXPECT_EQ(http[kRequests], 1u);
        EXPECT_EQ(http[kResponses1xx], 1u);
        EXPECT_EQ(http[kSentBytes], request.size());
        EXPECT_EQ(http[kReceivedBytes], response.size());
        const CounterSums frames = Traffic(
            kVendor, "ws.test", Protocol::kWebSocket, Visibility::kPlaintext);
        EXPECT_EQ(frames[kSentBytes], 7u);
        EXPECT_EQ(frames[kReceivedBytes], 8u);
        EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
      });
}

TEST_F(StreamTest, OtherProtocolsAreNamedByTheirFirstBytes) {
  const std::string connect =
      "CONNECT host.test:22 HTTP/1.1\r\nHost: host.test:22\r\n\r\n";
  const std::string established = "HTTP/1.1 200 OK\r\n\r\n";
  const struct {
    Protocol protocol;
    std::vector<Turn> talk;
  } cases[] = {
      // The client begins, the server does, and one whose client looks like
      // HTTP.
      {Protocol::kRedis, {Out("*1\r\n$4\r\nPING\r\n"), In("+PONG\r\n")}},
      {Protocol::kSsh, {In("SSH-2.0-x\r\n"), Out("SSH-2.0-y\r\n")}},
      {Protocol::kSmtp, {In("220 x ESMTP\r\n"), Out("EHLO me\r\n")}},
      {Protocol::kTcp, {Out("\1\2\3\4"), In("\4\3\2\1")}},
  };
  for (const auto& [protocol, talk] : cases) {
    SCOPED_TRACE(Name(protocol));
    std::vector<Turn> exchange = {Out(connect), In(established)};
    exchange.insert(exchange.end(), talk.begin(), talk.end());
    PlayCut(exchange, 0);
    const CounterSums sums =
        Traffic(kVendor, "host.test", protocol, Visibility::kInferred);
    EXPECT_EQ(sums[kSentBytes], Size(exchange, true));
    EXPECT_EQ(sums[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
  }
}

}  // namespace
}  // namespace proxymeter::shim
