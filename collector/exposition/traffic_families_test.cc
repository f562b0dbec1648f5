#include "collector/exposition/traffic_families.h"

#include <gtest/gtest.h>

#include "collector/exposition/destination_text.h"
#include "collector/exposition/text_format.h"
#include "collector/testing/journal_fixture.h"
#include "proxymeter/limits.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

// With those by destination, as a scrape has them.
std::string Text(const std::vector<RowValue>& rows,
                 const std::vector<FoldedVendor>& folded,
                 const PodIdentity& pod) {
  return DestinationText(rows, pod) +
         ToText(TrafficFamilies(rows, folded, pod));
}

RowValue Tunnel(Protocol protocol, std::uint16_t code, std::uint64_t replies) {
  RowValue row{.key = {.kind = RowKind::kTunnel,
                       .vendor = "acme",
                       .protocol = protocol,
                       .code = code}};
  row.counters[kTunnelReplies] = replies;
  return row;
}

RowValue Caller(const std::string& caller, Unwinder unwinder,
                const Counters& counters) {
  return {.key = {.kind = RowKind::kCaller,
                  .vendor = "acme",
                  .destination = caller,
                  .code = static_cast<std::uint16_t>(unwinder)},
          .counters = counters};
}

TEST(TrafficFamilies, CallersAreASampleAndSaySo) {
  EXPECT_EQ(
      Text({Caller("libcurl.so.4", Unwinder::kLibunwind, {3}),
            Caller("libcurl.so.4", Unwinder::kLibgcc, {4}),
            Caller("python3.11", Unwinder::kLibgcc, {1}),
            Caller("_unknown", Unwinder::kNone, {0, 63, 2})},
           {}, {}),
      R"(# HELP proxymeter_connections_by_caller_total Sample of the connections begun, by the library or program that opened them: of each process the first 64, then one of 64 by chance. proxymeter_connections_without_caller_total has the others.
# TYPE proxymeter_connections_by_caller_total counter
proxymeter_connections_by_caller_total{proxy_vendor="acme",caller="libcurl.so.4"} 7
proxymeter_connections_by_caller_total{proxy_vendor="acme",caller="python3.11"} 1
# HELP proxymeter_connections_without_caller_total Connections begun that were not asked who opened them: left out by sampling, or met where a stack walk would not have been safe.
# TYPE proxymeter_connections_without_caller_total counter
proxymeter_connections_without_caller_total{proxy_vendor="acme",reason="not_safe"} 2
proxymeter_connections_without_caller_total{proxy_vendor="acme",reason="not_sampled"} 63
# HELP proxymeter_caller_walks_total Stack walks behind proxymeter_connections_by_caller_total, by what walked: libunwind of the crawler's image, or libgcc within the preload library.
# TYPE proxymeter_caller_walks_total counter
proxymeter_caller_walks_total{unwinder="libgcc"} 5
proxymeter_caller_walks_total{unwinder="libunwind"} 3
)");
}

TEST(TrafficFamilies, AVendorThatIsDownHasZeros) {
  RowValue refused{.key = {.kind = RowKind::kVendor, .vendor = "acme"}};
  refused.counters[kConnectionsRefused] = 3;
  const std::string text = Text({refused}, {}, {});
  for (const char* what : {"requests", "sent_bytes", "received_bytes"}) {
    EXPECT_NE(text.find(std::string("\nproxymeter_vendor_") + what +
                        "_total{proxy_vendor=\"acme\"} 0\n"),
              std::string::npos)
        << what << text;
  }
}

TEST(TrafficFamilies, AreAsDocumented) {
  RowValue clear = TrafficRow("acme", "a.example", 100, 200, 3);
  clear.counters[kResponses2xx] = 2;
  clear.counters[kResponses4xx] = 1;
  // The same vendor and host by other ways: bytes are summed, requests apart.
  RowValue tls = TrafficRow("acme", "a.example", 10, 20, 0);
  tls.key.protocol = Protocol::kTls;
  tls.key.visibility = Visibility::kInferred;
  RowValue https = TrafficRow("acme", "a.example", 1, 2, 0);
  https.key.protocol = Protocol::kHttps1;
  RowValue vendor = VendorRow("acme", 4, 50, 8);
  vendor.counters[kConnectionsRefused] = 1;
  vendor.counters[kReconciledSentBytes] = 7;
  vendor.counters[kRetransmittedBytes] = 8;
  vendor.counters[kRttMicroseconds] = 2500;
  vendor.counters[kRttSamples] = 2;
  const std::vector<RowValue> rows = {clear,
                                      tls,
                                      https,
                                      vendor,
                                      Tunnel(Protocol::kConnect, 407, 1),
                                      Tunnel(Protocol::kSocks5, 0, 2),
                                      Tunnel(Protocol::kSocks4, 90, 3)};
  EXPECT_EQ(
      Text(rows, {}, {.name = "p", .name_space = "n"}),
      R"(# HELP proxymeter_requests_total Requests whose head was sent, by vendor and destination.
# TYPE proxymeter_requests_total counter
proxymeter_requests_total{proxy_vendor="acme",destination_host="a.example",protocol="http/1.1",visibility="plaintext",pod_name="p",pod_namespace="n"} 3
proxymeter_requests_total{proxy_vendor="acme",destination_host="a.example",protocol="https/1.1",visibility="plaintext",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_responses_total Final responses received, by class of their status code.
# TYPE proxymeter_responses_total counter
proxymeter_responses_total{proxy_vendor="acme",destination_host="a.example",response_code_class="2xx",pod_name="p",pod_namespace="n"} 2
proxymeter_responses_total{proxy_vendor="acme",destination_host="a.example",response_code_class="4xx",pod_name="p",pod_namespace="n"} 1
# HELP proxymeter_sent_bytes_total Bytes of payload sent to the vendor, TLS records and handshakes with the proxy included. visibility="kernel": by the kernel's word alone.
# TYPE proxymeter_sent_bytes_total counter
proxymeter_sent_bytes_total{proxy_vendor="acme",destination_host="a.example",pod_name="p",pod_namespace="n"} 111
# HELP proxymeter_received_bytes_total Bytes of payload received from the vendor, TLS records and handshakes with the proxy included. visibility="kernel": by the kernel's word alone.
# TYPE proxymeter_received_bytes_total counter
proxymeter_received_bytes_total{proxy_vendor="acme",destination_host="a.example",pod_name="p",pod_namespace="n"} 222
# HELP proxymeter_connections_total Attempts to connect to the vendor, by result.
# TYPE proxymeter_connections_total counter
proxymeter_connections_total{proxy_vendor="acme",result="abandoned",pod_name="p",pod_namespace="n"} 0
proxymeter_connections_total{proxy_vendor="acme",result="failed",pod_name="p",pod_namespace="n"} 0
proxymeter_connections_total{proxy_vendor="acme",result="ok",pod_name="p",pod_namespace="n"} 4
proxymeter_connections_total{proxy_vendor="acme",result="refused",pod_name="p",pod_namespace="n"} 1
proxymeter_connections_total{proxy_vendor="acme",result="timed_out",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_tunnels_total Replies to CONNECT (status code) and SOCKS (socks4_ or socks5_ and the reply code).
# TYPE proxymeter_tunnels_total counter
proxymeter_tunnels_total{proxy_vendor="acme",response_code="407",pod_name="p",pod_namespace="n"} 1
proxymeter_tunnels_total{proxy_vendor="acme",response_code="socks4_90",pod_name="p",pod_namespace="n"} 3
proxymeter_tunnels_total{proxy_vendor="acme",response_code="socks5_0",pod_name="p",pod_namespace="n"} 2
# HELP proxymeter_adopted_connections_total Connections to the vendor that another program made: inherited, or received over a Unix socket.
# TYPE proxymeter_adopted_connections_total counter
proxymeter_adopted_connections_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_unsettled_connections_total Connections open at the end of their process whose last bytes nobody could tell: what the call moved that the end interrupted may be missing.
# TYPE proxymeter_unsettled_connections_total counter
proxymeter_unsettled_connections_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_held_bytes Bytes of open connections whose destination is not known yet; they are in no other metric so far.
# TYPE proxymeter_held_bytes gauge
proxymeter_held_bytes{proxy_vendor="acme",direction="received",pod_name="p",pod_namespace="n"} 0
proxymeter_held_bytes{proxy_vendor="acme",direction="sent",pod_name="p",pod_namespace="n"} 42
# HELP proxymeter_reconciled_bytes_total Part of the bytes that no hook reported; the kernel's count at close, or at the end of the process, had them.
# TYPE proxymeter_reconciled_bytes_total counter
proxymeter_reconciled_bytes_total{proxy_vendor="acme",direction="received",pod_name="p",pod_namespace="n"} 0
proxymeter_reconciled_bytes_total{proxy_vendor="acme",direction="sent",pod_name="p",pod_namespace="n"} 7
# HELP proxymeter_retransmitted_bytes_total Bytes that the kernel sent again; in no other metric.
# TYPE proxymeter_retransmitted_bytes_total counter
proxymeter_retransmitted_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 8
# HELP proxymeter_vendor_sent_bytes_total All bytes ever sent to the vendor, those of folded destinations included: what sums by vendor are to be taken from.
# TYPE proxymeter_vendor_sent_bytes_total counter
proxymeter_vendor_sent_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 111
# HELP proxymeter_vendor_received_bytes_total All bytes ever received from the vendor, those of folded destinations included: what sums by vendor are to be taken from.
# TYPE proxymeter_vendor_received_bytes_total counter
proxymeter_vendor_received_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 222
# HELP proxymeter_vendor_requests_total All requests ever sent through the vendor, those of folded destinations included: what sums by vendor are to be taken from.
# TYPE proxymeter_vendor_requests_total counter
proxymeter_vendor_requests_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 3
# HELP proxymeter_vendor_responses_total All final responses ever received through the vendor, those of folded destinations included, by class of their status code.
# TYPE proxymeter_vendor_responses_total counter
proxymeter_vendor_responses_total{proxy_vendor="acme",response_code_class="2xx",pod_name="p",pod_namespace="n"} 2
proxymeter_vendor_responses_total{proxy_vendor="acme",response_code_class="4xx",pod_name="p",pod_namespace="n"} 1
# HELP proxymeter_folded_destinations_total Destinations whose series ended because they were idle. One that comes back begins a new series from 0.
# TYPE proxymeter_folded_destinations_total counter
proxymeter_folded_destinations_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_rtt_seconds Smoothed round-trip time to the vendor's proxy, as the kernel had it at the end of each connection.
# TYPE proxymeter_rtt_seconds summary
proxymeter_rtt_seconds_count{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 2
proxymeter_rtt_seconds_sum{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0.0025
)");
}

TEST(TrafficFamilies, BytesTellWhenTheyAreByTheKernelsWordAlone) {
  RowValue unheard = TrafficRow("acme", kUnknownDestination, 100, 200, 0);
  unheard.key.protocol = Protocol::kTcp;
  unheard.key.visibility = Visibility::kKernel;
  // Of the same place, but reported.
  RowValue reported = TrafficRow("acme", kUnknownDestination, 1, 2, 0);
  reported.key.protocol = Protocol::kTcp;
  reported.key.visibility = Visibility::kInferred;
  const std::string text = Text({unheard, reported}, {}, {});
  for (const char* line :
       {"\nproxymeter_sent_bytes_total{proxy_vendor=\"acme\","
        "destination_host=\"_unknown\"} 1\n",
        "\nproxymeter_sent_bytes_total{proxy_vendor=\"acme\","
        "destination_host=\"_unknown\",visibility=\"kernel\"} 100\n",
        "\nproxymeter_received_bytes_total{proxy_vendor=\"acme\","
        "destination_host=\"_unknown\"} 2\n",
        "\nproxymeter_received_bytes_total{proxy_vendor=\"acme\","
        "destination_host=\"_unknown\",visibility=\"kernel\"} 200\n",
        "\nproxymeter_vendor_sent_bytes_total{proxy_vendor=\"acme\"} 101\n",
        "\nproxymeter_vendor_received_bytes_total{proxy_vendor=\"acme\"} "
        "202\n"}) {
    EXPECT_NE(text.find(line), text.npos) << line << text;
  }
  EXPECT_EQ(text.find("proxymeter_requests_total"), text.npos);
}

TEST(TrafficFamilies, TlsSessionsTellWhatIsKnownOfThem) {
  const auto session = [](Visibility visibility, TlsVersion version, Alpn alpn,
                          std::uint64_t sessions) {
    return RowValue{.key = {.kind = RowKind::kTlsSession,
                            .vendor = "acme",
                            .visibility = visibility,
                            .code = TlsSessionCode(version, alpn)},
                    .counters = {sessions}};
  };
  EXPECT_EQ(
      Text(
          {session(Visibility::kInferred, TlsVersion::kTls13, Alpn::kHidden, 2),
           session(Visibility::kPlaintext, TlsVersion::kTls12, Alpn::kHttp2, 3),
           session(Visibility::kInferred, TlsVersion::kUnknown, Alpn::kNone, 1),
           session(Visibility::kInferred, TlsVersion::kTls13, Alpn::kHidden,
                   4)},
          {}, {}),
      R"(# HELP proxymeter_tls_sessions_total TLS sessions in which the client has sent data, by the version agreed on, the application protocol as far as ALPN shows it, and whether their plaintext was seen.
# TYPE proxymeter_tls_sessions_total counter
proxymeter_tls_sessions_total{proxy_vendor="acme",tls_version="1.2",alpn="h2",visibility="plaintext"} 3
proxymeter_tls_sessions_total{proxy_vendor="acme",tls_version="1.3",alpn="hidden",visibility="inferred"} 6
proxymeter_tls_sessions_total{proxy_vendor="acme",tls_version="unknown",alpn="none",visibility="inferred"} 1
)");
}

TEST(TrafficFamilies, GrpcIsByTheNamesOfItsStatuses) {
  std::vector<RowValue> rows;
  for (const std::uint16_t code : {0, 14, 17}) {
    rows.push_back(
        {.key = {.kind = RowKind::kGrpc, .vendor = "acme", .code = code}});
    rows.back().counters[kGrpcResponses] = code + 1u;
  }
  const std::string text = Text(rows, {}, {});
  for (const char* line :
       {"proxymeter_grpc_responses_total{proxy_vendor=\"acme\","
        "grpc_status=\"OK\"} 1\n",
        "grpc_status=\"UNAVAILABLE\"} 15\n", "grpc_status=\"other\"} 18\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(TrafficFamilies, FoldedTrafficIsInItsVendorAlone) {
  FoldedVendor folded{.vendor = "acme", .destinations = 7};
  folded.counters[kSentBytes] = 1000;
  folded.counters[kReceivedBytes] = 2000;
  folded.counters[kRequests] = 5;
  folded.counters[kResponses2xx] = 4;
  const std::string text =
      Text({TrafficRow("acme", "a.example", 1, 2, 3)},
           {folded, {.vendor = "zeta", .destinations = 1}}, {});
  for (const char* line :
       {"\nproxymeter_sent_bytes_total{proxy_vendor=\"acme\","
        "destination_host=\"a.example\"} 1\n",
        "\nproxymeter_vendor_sent_bytes_total{proxy_vendor=\"acme\"} 1001\n",
        "\nproxymeter_vendor_received_bytes_total{proxy_vendor=\"acme\"} "
        "2002\n",
        "\nproxymeter_vendor_requests_total{proxy_vendor=\"acme\"} 8\n",
        "\nproxymeter_vendor_responses_total{proxy_vendor=\"acme\","
        "response_code_class=\"2xx\"} 7\n",
        "\nproxymeter_folded_destinations_total{proxy_vendor=\"acme\"} 7\n",
        "\nproxymeter_vendor_sent_bytes_total{proxy_vendor=\"zeta\"} 0\n"}) {
    EXPECT_NE(text.find(line), text.npos) << line << text;
  }
}

TEST(TrafficFamilies, WithoutAPodThereAreNoPodLabels) {
  const std::string text =
      Text({TrafficRow("acme", "a.example", 1, 2, 3)}, {}, {});
  EXPECT_NE(text.find("a.example"), text.npos);
  EXPECT_EQ(text.find("pod_"), text.npos);
}

TEST(TrafficFamilies, ThousandsOfDestinationsAreAllThere) {
  std::vector<RowValue> rows;
  for (int i = 0; i < 3000; ++i) {
    rows.push_back(
        TrafficRow("acme", "site-" + std::to_string(i) + ".example", 1, 2, 3));
  }
  const std::string text = Text(rows, {}, {"p", "n"});
  for (const RowValue& row : rows) {
    for (const char* line : {"sent_bytes_total{", "received_bytes_total{"}) {
      const std::string series = std::string("\nproxymeter_") + line +
                                 "proxy_vendor=\"acme\"," +
                                 "destination_host=\"" + row.key.destination +
                                 "\",pod_name=\"p\",pod_namespace=\"n\"} ";
      EXPECT_NE(text.find(series), text.npos) << series;
    }
  }
}

TEST(TrafficFamilies, NamesAreEscaped) {
  const std::string text =
      Text({TrafficRow("a\"b", "x\\y\nz", 1, 2, 3)}, {}, {});
  EXPECT_NE(text.find("\nproxymeter_sent_bytes_total{proxy_vendor=\"a\\\"b\","
                      "destination_host=\"x\\\\y\\nz\"} 1\n"),
            text.npos)
      << text;
}

TEST(TrafficFamilies, AreEmptyWithoutTraffic) {
  EXPECT_EQ(Text({}, {}, {}), "");
}

}  // namespace
}  // namespace proxymeter::collector
