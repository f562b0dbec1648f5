// How long things took, and whom to blame for what went wrong.
#include <errno.h>
#include <netinet/tcp.h>

#include <string>
#include <vector>

#include "shim/testing/exchange_fixture.h"
#include "shim/testing/tls_client.h"

namespace proxymeter::shim {
namespace {

const std::string kGet = "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kConnect =
    "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n";
const std::string kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

class PhasesTest : public ExchangeFixture {
 protected:
  // In the order of Phase.
  static std::vector<std::uint64_t> Durations() {
    std::vector<std::uint64_t> counts;
    for (std::uint8_t phase = 0; phase <= kLastPhase; ++phase) {
      counts.push_back(
          ShimFixture::Durations(kVendor, static_cast<Phase>(phase)));
    }
    return counts;
  }
  // "REASON COUNT" of those that are not 0.
  static std::string Errors() {
    std::string text;
    for (std::uint8_t error = 0; error <= kLastProxyError; ++error) {
      const auto reason = static_cast<ProxyError>(error);
      const std::uint64_t count = ProxyErrors(kVendor, reason);
      if (count == 0) continue;
      if (!text.empty()) text += ", ";
      text += std::string(Name(reason)) + " " + std::to_string(count);
    }
    return text;
  }
};

using Counts = std::vector<std::uint64_t>;

TEST_F(PhasesTest, EachRequestHasAFirstByteAndAnEnd) {
  ForEveryCut({Out(kGet), In(kOk), Out(kGet), In(kOk)}, [] {
    EXPECT_EQ(Durations(), (Counts{1, 0, 0, 2, 2}));
    EXPECT_EQ(Errors(), "");
  });
}

TEST_F(PhasesTest, PipelinedRequestsAreTimedOneByOne) {
  ForEveryCut({Out(kGet + kGet + kGet), In(kOk + kOk + kOk)}, [] {
    EXPECT_EQ(Durations(), (Counts{1, 0, 0, 3, 3}));
  });
}

TEST_F(PhasesTest, InterimResponsesBeginTheResponse) {
  ForEveryCut({Out(kGet), In("HTTP/1.1 100 Continue\r\n\r\n"), In(kOk)}, [] {
    EXPECT_EQ(Durations(), (Counts{1, 0, 0, 1, 1}));
  });
}

TEST_F(PhasesTest, AResponseMayEndWithItsConnection) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  ForEveryCut({Out(kGet), In("HTTP/1.1 200 OK\r\n\r\nuntil the end")}, [] {
    EXPECT_EQ(Durations(), (Counts{1, 0, 0, 1, 1}));
    EXPECT_EQ(Errors(), "");
  });
}

TEST_F(PhasesTest, ATunnelIsNoRequest) {
  ForEveryCut({Out(kConnect), In(kEstablished), Out(kGet), In(kOk)}, [] {
    EXPECT_EQ(Durations(), (Counts{1, 1, 0, 1, 1}));
    EXPECT_EQ(Errors(), "");
  });
}

TEST_F(PhasesTest, ARefusedTunnelIsAnErrorAndNoTunnel) {
  const std::string refused =
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n"
      "\r\nnay";
  ForEveryCut({Out(kConnect), In(refused), Out(kConnect), In(kEstablished)},
              [] {
                EXPECT_EQ(Durations(), (Counts{1, 1, 0, 0, 0}));
                EXPECT_EQ(Errors(), "authentication 1");
              });
}

TEST_F(PhasesTest, ProxiesAreBlamedForWhatTheySay) {
  const std::string no_peer =
      "HTTP/1.1 502 Bad Gateway\r\nX-Luminati-Error: no peer\r\n"
      "Content-Length: 0\r\n\r\n";
  const std::string origins =
      "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
  ForEveryCut({Out(kGet), In(no_peer), Out(kGet), In(origins)}, [] {
    EXPECT_EQ(Errors(), "unavailable 1");
    EXPECT_EQ(Traffic(kVendor, "a.test")[kResponses5xx], 2u);
  });
}

TEST_F(PhasesTest, InATunnelTheDestinationSpeaks) {
  const std::string from_network =
      "HTTP/1.1 502 x\r\nProxy-Status: cdn; error=dns_error\r\n"
      "Content-Length: 0\r\n\r\n";
  ForEveryCut({Out(kConnect), In(kEstablished), Out(kGet), In(from_network)},
              [] { EXPECT_EQ(Errors(), ""); });
}

TEST_F(PhasesTest, SocksIsATunnelToo) {
  using namespace std::string_literals;
  const std::string request = "\5\1\0\3\6b.test\1\273"s;
  ForEveryCut({Out("\5\1\0"s), In("\5\0"s), Out(request),
               In("\5\0\0\1\1\2\3\4\0\120"s), Out(kGet), In(kOk)},
              [] {
                EXPECT_EQ(Durations(), (Counts{1, 1, 0, 1, 1}));
                EXPECT_EQ(Errors(), "");
              });
  ForEveryCut({Out("\5\1\0"s), In("\5\0"s), Out(request),
               In("\5\5\0\1\1\2\3\4\0\120"s)},
              [] {
                EXPECT_EQ(Durations(), (Counts{1, 0, 0, 0, 0}));
                EXPECT_EQ(Errors(), "destination_refused 1");
              });
}

TEST_F(PhasesTest, AnOpaqueHandshakeEndsWithTheFirstData) {
  ForEveryCut(
      {Out(kConnect), In(kEstablished), Out(ClientHello("b.test")),
       In("\x16\x03\x03 server's flight"), Out("\x14\x03\x03\x00\x01\x01"),
       Out("\x17\x03\x03 finished"), Out("\x17\x03\x03 data")},
      [] {
        EXPECT_EQ(Durations(), (Counts{1, 1, 1, 0, 0}));
      });
}

TEST_F(PhasesTest, WhoEndsAResponseTooEarlyIsBlamed) {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf";
  // By the peer's end, or its reset.
  for (const int state : {TCP_CLOSE_WAIT, TCP_CLOSE}) {
    fake_.set_tcp_state(state);
    ForEveryCut({Out(kGet), In(half)},
                [] { EXPECT_EQ(Errors(), "closed_in_response 1"); });
    ForEveryCut({Out(kGet)},
                [] { EXPECT_EQ(Errors(), "closed_before_response 1"); });
    ForEveryCut({Out(kConnect)},
                [] { EXPECT_EQ(Errors(), "closed_before_response 1"); });
    ForEveryCut({Out(kConnect), In(kEstablished), Out(kGet), In(half)},
                [] { EXPECT_EQ(Errors(), "closed_in_response 1"); });
    ForEveryCut({Out(kGet), In(kOk)}, [] { EXPECT_EQ(Errors(), ""); });
  }
  // By the crawler, which did not read what else there was.
  fake_.set_kernel_bytes(kGet.size(), half.size() + 10);
  ForEveryCut({Out(kGet), In(half)}, [] { EXPECT_EQ(Errors(), ""); });
  // The same before anything was ended.
  fake_.set_tcp_state(TCP_ESTABLISHED);
  ForEveryCut({Out(kGet), In(half)}, [] { EXPECT_EQ(Errors(), ""); });
}

TEST_F(PhasesTest, ConnectionsThatFailAreTheProxysErrors) {
  for (const int error : {ECONNREFUSED, ETIMEDOUT, ENETUNREACH}) {
    fake_.Fails(error);
    Connect(kFd, kProxyAddress, 3128);
  }
  EXPECT_EQ(Errors(),
            "connect_refused 1, connect_timed_out 1, connect_failed 1");
  EXPECT_EQ(Durations(), (Counts{0, 0, 0, 0, 0}));
}

TEST_F(PhasesTest, WithoutAProxyNoneIsBlamed) {
  fake_.Fails(ECONNREFUSED);
  Connect(kFd, "203.0.113.9", 80);
  EXPECT_EQ(Vendor(kDirectVendor)[kConnectionsRefused], 1u);
  EXPECT_EQ(ProxyErrors(kDirectVendor, ProxyError::kConnectRefused), 0u);
}

TEST_F(PhasesTest, AConnectionUnderWayStandsWithItsFirstByte) {
  fake_.Fails(EINPROGRESS);
  Connect(kFd, kProxyAddress, 3128);
  EXPECT_EQ(Durations(), (Counts{0, 0, 0, 0, 0}));
  Send(kGet);
  EXPECT_EQ(Durations(), (Counts{1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace proxymeter::shim
