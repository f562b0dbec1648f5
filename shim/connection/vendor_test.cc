// Connections that show after connect whose they are.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "shim/protocol/http2_testing.h"
#include "shim/testing/exchange_fixture.h"
#include "shim/testing/tls_client.h"

namespace proxymeter::shim {
namespace {

// One address and port of two vendors, and others beside them. 127.0.9.1:3128
// by itself is nobody's.
constexpr char kPolicy[] = R"(
version: 1
vendor_header: true
vendors:
  - name: acme
    match:
      - {cidr: 127.0.9.0/24, port: 3128, user: "acme-{customer}*"}
      - host: gw.acme.test
    user_names:
      - "acme-{customer}[-zone-{zone}][-country-{country}][-session-{session}]"
    passwords: ["{secret}[_country-{country}]"]
    labels: [zone, country]
  - name: bolt
    match:
      - {port: 3128, user: "bolt-*"}
      - host: gw.bolt.test
  - name: shared
    match:
      - {cidr: 127.0.9.0/24, port: 8080}
)";

// acme-me-zone-dc-country-us-session-7:secret and others.
constexpr char kAcme[] =
    "Proxy-Authorization: Basic "
    "YWNtZS1tZS16b25lLWRjLWNvdW50cnktdXMtc2Vzc2lvbi03OnNlY3JldA==\r\n";
// acme-me-zone-dc:secret_country-de
constexpr char kAcmeByPassword[] =
    "Proxy-Authorization: Basic YWNtZS1tZS16b25lLWRjOnNlY3JldF9jb3VudHJ5LWRl"
    "\r\n";
// acme-me-zone-resi:secret
constexpr char kAcmeResidential[] =
    "Proxy-Authorization: Basic YWNtZS1tZS16b25lLXJlc2k6c2VjcmV0\r\n";
// bolt-1:x
constexpr char kBolt[] = "Proxy-Authorization: Basic Ym9sdC0xOng=\r\n";
constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char kRefusal[] =
    "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno";
constexpr char kEstablished[] = "HTTP/1.1 200 Connection established\r\n\r\n";

std::string Get(const std::string& fields = "") {
  return "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
}
std::string GetInside(const std::string& fields = "") {
  return "GET / HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
}
std::string ConnectTo(const std::string& fields = "") {
  return "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n" + fields + "\r\n";
}

class VendorTest : public ExchangeFixture {
 protected:
  VendorTest() { WritePolicy(kPolicy); }

  // Of rows with those labels.
  static CounterSums Product(std::string_view vendor, std::string_view labels) {
    CounterSums sums{};
    for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
      const JournalRow& row = shim.meter.journal().rows()[i];
      if (row.state.load() != kPublished || row.kind != RowKind::kTraffic ||
          row.vendor() != vendor || row.labels() != labels) {
        continue;
      }
      for (std::size_t c = 0; c < kRowCounters; ++c) {
        sums[c] += row.counters[c].load();
      }
    }
    return sums;
  }
  static std::string AllText() {
    std::string text;
    for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
      const JournalRow& row = shim.meter.journal().rows()[i];
      text.append(row.text, sizeof(row.text));
    }
    return text;
  }
};

TEST_F(VendorTest, UserNameOfARequestTells) {
  const std::vector<Turn> exchange = {Out(Get(kAcme)), In(kOk)};
  ForEveryCut(exchange, [&] {
    const CounterSums a = Product("acme", "zone=dc,country=us");
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kResponses2xx], 1u);
    EXPECT_EQ(a[kSentBytes], Size(exchange, true));
    EXPECT_EQ(a[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
    EXPECT_EQ(Durations("acme", Phase::kConnect), 1u);
    EXPECT_EQ(Vendor("acme")[kHeldSentBytes], 0u);
    const std::string text = AllText();
    for (const char* secret : {"secret", "me-zone", "session", "-7"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << secret;
    }
  });
}

TEST_F(VendorTest, UserNameOfATunnelTells) {
  const std::vector<Turn> exchange = {Out(ConnectTo(kAcmeByPassword)),
                                      In(kEstablished), Out(GetInside()),
                                      In(kOk)};
  ForEveryCut(exchange, [&] {
    const CounterSums a = Product("acme", "zone=dc,country=de");
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kSentBytes], Size(exchange, true));
    EXPECT_EQ(a[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
    EXPECT_EQ(Tunnels("acme", Protocol::kConnect, 200), 1u);
    EXPECT_EQ(Vendor("acme")[kHandshakeSentBytes], exchange[0].bytes.size());
    EXPECT_EQ(Vendor("acme")[kHandshakeReceivedBytes],
              exchange[1].bytes.size());
  });
}

TEST_F(VendorTest, UserNameOfSocksTells) {
  using namespace std::string_literals;
  const std::vector<Turn> exchange = {Out("\5\1\2"s),
                                      In("\5\2"s),
                                      Out("\1\6bolt-1\1x"s),
                                      In("\1\0"s),
                                      Out("\5\1\0\3\6a.test\0\x50"s),
                                      In("\5\0\0\1\0\0\0\0\0\0"s),
                                      Out(GetInside()),
                                      In(kOk)};
  ForEveryCut(exchange, [&] {
    const CounterSums a = Traffic("bolt", "a.test");
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kSentBytes], Size(exchange, true));
    EXPECT_EQ(a[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(Vendor("bolt")[kConnectionsOk], 1u);
    EXPECT_EQ(Tunnels("bolt", Protocol::kSocks5, 0), 1u);
    EXPECT_EQ(Vendor("bolt")[kHandshakeSentBytes],
              Size(exchange, true) - GetInside().size());
    EXPECT_EQ(Vendor("bolt")[kHandshakeReceivedBytes],
              Size(exchange, false) - std::string(kOk).size());
  });
}

TEST_F(VendorTest, RefusalWaitsForTheUserNameThatFollows) {
  const std::vector<Turn> exchange = {Out(ConnectTo()),      In(kRefusal),
                                      Out(ConnectTo(kBolt)), In(kEstablished),
                                      Out(GetInside()),      In(kOk)};
  ForEveryCut(exchange, [&] {
    EXPECT_EQ(Traffic("bolt", "a.test")[kRequests], 1u);
    EXPECT_EQ(Tunnels("bolt", Protocol::kConnect, 407), 1u);
    EXPECT_EQ(Tunnels("bolt", Protocol::kConnect, 200), 1u);
    EXPECT_EQ(ProxyErrors("bolt", ProxyError::kAuthentication), 1u);
    EXPECT_EQ(Vendor("bolt")[kHandshakeSentBytes],
              ConnectTo().size() + ConnectTo(kBolt).size());
    EXPECT_EQ(Vendor("bolt")[kConnectionsOk], 1u);
  });
}

TEST_F(VendorTest, RefusedRequestWaitsForTheUserNameThatFollows) {
  const std::vector<Turn> exchange = {Out(Get()), In(kRefusal), Out(Get(kAcme)),
                                      In(kOk)};
  ForEveryCut(exchange, [&] {
    const CounterSums a = Product("acme", "zone=dc,country=us");
    EXPECT_EQ(a[kRequests], 2u);
    EXPECT_EQ(a[kResponses4xx], 1u);
    EXPECT_EQ(a[kResponses2xx], 1u);
    EXPECT_EQ(a[kSentBytes], Size(exchange, true));
    EXPECT_EQ(a[kReceivedBytes], Size(exchange, false));
    EXPECT_EQ(ProxyErrors("acme", ProxyError::kAuthentication), 1u);
    EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
    EXPECT_EQ(Durations("acme", Phase::kConnect), 1u);
    EXPECT_EQ(Durations("acme", Phase::kFirstByte), 1u);
  });
}

TEST_F(VendorTest, RequestThatNobodyAsksForAUserNameIsTheAddresss) {
  WritePolicy(R"(
version: 1
vendors:
  - name: plain
    match: [{cidr: 127.0.9.0/24}]
  - name: acme
    match: [{cidr: 127.0.9.0/24, user: "acme-*"}]
)");
  const std::vector<Turn> answered = {Out(Get()), In(kOk), Out(Get()), In(kOk)};
  ForEveryCut(answered, [&] {
    const CounterSums a = Traffic("plain", "a.test");
    EXPECT_EQ(a[kRequests], 2u);
    EXPECT_EQ(a[kResponses2xx], 2u);
    EXPECT_EQ(a[kSentBytes], Size(answered, true));
    EXPECT_EQ(a[kReceivedBytes], Size(answered, false));
    EXPECT_EQ(Vendor("plain")[kConnectionsOk], 1u);
    EXPECT_EQ(Durations("plain", Phase::kFirstByte), 2u);
    EXPECT_EQ(Durations("plain", Phase::kRequest), 2u);
  });
  const std::vector<Turn> given_up = {Out(Get()), In(kRefusal)};
  ForEveryCut(given_up, [&] {
    const CounterSums a = Traffic("plain", "a.test");
    EXPECT_EQ(a[kRequests], 1u);
    EXPECT_EQ(a[kResponses4xx], 1u);
    EXPECT_EQ(a[kSentBytes], Size(given_up, true));
    EXPECT_EQ(a[kReceivedBytes], Size(given_up, false));
    EXPECT_EQ(ProxyErrors("plain", ProxyError::kAuthentication), 1u);
    EXPECT_EQ(Vendor("plain")[kHeldSentBytes],
              Vendor("plain")[kReleasedSentBytes]);
  });
  // Never answered, and sent before an answer came.
  const std::vector<Turn> unanswered = {Out(Get()), Out(Get())};
  ForEveryCut(unanswered, [&] {
    const CounterSums a = Traffic("plain", "a.test");
    EXPECT_EQ(a[kRequests], 2u);
    EXPECT_EQ(a[kSentBytes], Size(unanswered, true));
  });
}

TEST_F(VendorTest, WithoutAWordItIsNobodys) {
  PlayCut({Out(Get()), In(kOk)}, 0);
  EXPECT_EQ(Traffic("", "a.test")[kRequests], 0u);
  EXPECT_EQ(Vendor("acme")[kConnectionsOk], 0u);
  EXPECT_EQ(Vendor("bolt")[kConnectionsOk], 0u);
}

TEST_F(VendorTest, EachRequestHasTheProductItAsksFor) {
  PlayCut({Out(Get(kAcme)), In(kOk), Out(Get(kAcmeResidential)), In(kOk)}, 0);
  EXPECT_EQ(Product("acme", "zone=dc,country=us")[kRequests], 1u);
  EXPECT_EQ(Product("acme", "zone=resi")[kRequests], 1u);
  EXPECT_EQ(Product("acme", "zone=resi")[kResponses2xx], 1u);
  EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
}

TEST_F(VendorTest, HeaderOverridesWhatTheAddressSays) {
  RestartShim();
  Connect(kFd, kProxyAddress, 8080);
  Send(Get("X-Proxy-Vendor: bolt\r\n"));
  Receive(kOk);
  Send(Get("X-Proxy-Vendor: nobody\r\n"));
  Receive(kOk);
  hooks::close(kFd);
  EXPECT_EQ(Traffic("bolt", "a.test")[kRequests], 2u);
  EXPECT_EQ(Events(kVendorHeaderUnknown), 1u);
}

TEST_F(VendorTest, HeaderInsideATunnelMovesWhatFollows) {
  RestartShim();
  Connect(kFd, kProxyAddress, 8080);
  Send(ConnectTo());
  Receive(kEstablished);
  const std::string request = GetInside("X-Proxy-Vendor: bolt\r\n");
  Send(request);
  Receive(kOk);
  hooks::close(kFd);
  EXPECT_EQ(Traffic("bolt", "a.test")[kRequests], 1u);
  EXPECT_EQ(Traffic("bolt", "a.test")[kSentBytes],
            ConnectTo().size() + request.size());
  EXPECT_EQ(Traffic("shared", "a.test")[kRequests], 0u);
}

TEST_F(VendorTest, FiltersLeaveOutWhatNoRuleNames) {
  WritePolicy(R"(
version: 1
filters: {inside: [198.51.100.0/24], except_ports: [25]}
vendors:
  - name: acme
    match: [{host: 198.51.100.7}]
)");
  RestartShim();
  Connect(kFd, "198.51.100.1", 80);
  Connect(kFd + 1, "203.0.114.1", 25);
  EXPECT_EQ(Vendor("direct")[kConnectionsOk], 0u);
  Connect(kFd + 2, "10.0.0.1", 80);
  Connect(kFd + 3, "198.51.100.7", 25);
  EXPECT_EQ(Vendor("direct")[kConnectionsOk], 1u);
  EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
}

TEST_F(VendorTest, ProcessesMayBeLeftOut) {
  char name[16] = {};
  std::FILE* file = std::fopen("/proc/self/comm", "r");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fscanf(file, "%15s", name), 1);
  std::fclose(file);
  for (const bool only : {true, false}) {
    WritePolicy("version: 1\nfilters: {processes: {" +
                std::string(only ? "only" : "except") + ": [" + name +
                "]}}\nvendors:\n  - name: acme\n    match: [{cidr: "
                "127.0.9.0/24}]\n");
    RestartShim();
    Connect(kFd, kProxyAddress, 3128);
    if (only) {
      EXPECT_EQ(Vendor("acme")[kConnectionsOk], 1u);
    } else {
      EXPECT_FALSE(shim.meter.open());
    }
    hooks::close(kFd);
  }
}

TEST_F(VendorTest, OpenConnectionsKeepTheirVendorThroughAReload) {
  RestartShim();
  Connect(kFd, kProxyAddress, 3128);
  Send(Get(kAcme));
  Receive(kOk);
  WritePolicy(R"(
version: 1
vendors:
  - name: other
    match:
      - {cidr: 127.0.9.0/24, port: 3128, user: "acme-{customer}*"}
)");
  // It is looked for once a second.
  const std::uint32_t before = shim.attribution.policy().generation();
  for (int i = 0; i < 1000; ++i) {
    if (shim.attribution.policy().generation() != before) break;
    RefreshPolicy();
    usleep(10'000);
  }
  ASSERT_NE(shim.attribution.policy().generation(), before);
  Send(Get(kAcme));
  Receive(kOk);
  hooks::close(kFd);
  EXPECT_EQ(Traffic("acme", "a.test")[kRequests], 2u);
  EXPECT_EQ(Traffic("other", "a.test")[kRequests], 0u);
}

}  // namespace
}  // namespace proxymeter::shim
