#include "collector/exposition/kernel_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Text(const std::vector<prometheus::MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

RowValue Kernel(const std::string& vendor, const Counters& counters) {
  return {.key = {.kind = kKernelRow, .vendor = vendor}, .counters = counters};
}

RowValue Unmetered(const std::string& vendor, UnmeteredReason reason,
                   const Counters& counters) {
  return {.key = {.kind = kUnmeteredRow,
                  .vendor = vendor,
                  .code = static_cast<std::uint16_t>(reason)},
          .counters = counters};
}

TEST(KernelFamilies, AreAsDocumented) {
  Counters witnessed{};
  witnessed[kKernelSentBytes] = 1000;
  witnessed[kKernelReceivedBytes] = 3000;
  witnessed[kCoveredSentBytes] = 900;
  witnessed[kCoveredReceivedBytes] = 2100;
  witnessed[kKernelRetransmittedBytes] = 125;
  witnessed[kKernelConnectionsOk] = 5;
  witnessed[kKernelConnectionsFailed] = 6;
  witnessed[kUnsentBytes] = 7;
  EXPECT_EQ(
      Text(KernelFamilies(
          {Kernel("acme", witnessed),
           Unmetered("acme", UnmeteredReason::kNotPreloaded, {100, 880, 2}),
           Unmetered("acme", UnmeteredReason::kNotRead, {0, 20, 0})},
          {.name = "p", .name_space = "n"})),
      R"(# HELP proxymeter_kernel_sent_bytes_total Bytes of payload sent to the vendor by the kernel's own count, of whatever program.
# TYPE proxymeter_kernel_sent_bytes_total counter
proxymeter_kernel_sent_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 1000
# HELP proxymeter_kernel_received_bytes_total Bytes of payload received from the vendor by the kernel's own count, of whatever program.
# TYPE proxymeter_kernel_received_bytes_total counter
proxymeter_kernel_received_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 3000
# HELP proxymeter_kernel_connections_total Attempts to connect to the vendor that the kernel made, of whatever program, by whether it was answered.
# TYPE proxymeter_kernel_connections_total counter
proxymeter_kernel_connections_total{proxy_vendor="acme",result="failed",pod_name="p",pod_namespace="n"} 6
proxymeter_kernel_connections_total{proxy_vendor="acme",result="ok",pod_name="p",pod_namespace="n"} 5
# HELP proxymeter_kernel_retransmitted_bytes_total Bytes that the kernel sent to the vendor once more, of whatever program; in no other metric of bytes.
# TYPE proxymeter_kernel_retransmitted_bytes_total counter
proxymeter_kernel_retransmitted_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 125
# HELP proxymeter_unsent_bytes_total Part of the bytes reported as sent that never left: the connection broke while they were in the kernel's buffer.
# TYPE proxymeter_unsent_bytes_total counter
proxymeter_unsent_bytes_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 7
# HELP proxymeter_unmetered_bytes_total Part of the kernel's bytes that no crawler reported, by why not; they are metered by the kernel's word, as visibility="kernel".
# TYPE proxymeter_unmetered_bytes_total counter
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="after_crash",direction="received",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="after_crash",direction="sent",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="before_journal",direction="received",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="before_journal",direction="sent",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="not_preloaded",direction="received",pod_name="p",pod_namespace="n"} 880
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="not_preloaded",direction="sent",pod_name="p",pod_namespace="n"} 100
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="not_read",direction="received",pod_name="p",pod_namespace="n"} 20
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="not_read",direction="sent",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="path_not_seen",direction="received",pod_name="p",pod_namespace="n"} 0
proxymeter_unmetered_bytes_total{proxy_vendor="acme",reason="path_not_seen",direction="sent",pod_name="p",pod_namespace="n"} 0
# HELP proxymeter_unmetered_connections_total Connections to the vendor that no crawler reported.
# TYPE proxymeter_unmetered_connections_total counter
proxymeter_unmetered_connections_total{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 2
# HELP proxymeter_coverage_ratio Part of the bytes that the kernel moved to and from the vendor which crawlers reported, since the accounts began.
# TYPE proxymeter_coverage_ratio gauge
proxymeter_coverage_ratio{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0.75
# HELP proxymeter_kernel_retransmit_ratio Bytes that the kernel sent again to the vendor, for each that it sent, since the accounts began.
# TYPE proxymeter_kernel_retransmit_ratio gauge
proxymeter_kernel_retransmit_ratio{proxy_vendor="acme",pod_name="p",pod_namespace="n"} 0.125
)");
}

TEST(KernelFamilies, OfBytesThatDidNotMoveThereIsNoRatio) {
  Counters refused{};
  refused[kKernelConnectionsFailed] = 1;
  Counters received{};
  received[kKernelReceivedBytes] = 10;
  const std::string text = Text(KernelFamilies(
      {Kernel("refused", refused), Kernel("silent", received)}, {}));
  EXPECT_THAT(text,
              HasSubstr("\nproxymeter_kernel_connections_total{"
                        "proxy_vendor=\"refused\",result=\"failed\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("coverage_ratio{proxy_vendor=\"refused\"}")));
  // Nothing of what moved was reported.
  EXPECT_THAT(
      text,
      HasSubstr("\nproxymeter_coverage_ratio{proxy_vendor=\"silent\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("kernel_retransmit_ratio{")));
}

TEST(KernelFamilies, NoVendorWeighsInAnothersRatio) {
  Counters all{};
  all[kKernelSentBytes] = all[kCoveredSentBytes] = 500;
  Counters half{};
  half[kKernelReceivedBytes] = 500;
  half[kCoveredReceivedBytes] = 250;
  const std::string text =
      Text(KernelFamilies({Kernel("all", all), Kernel("half", half)}, {}));
  EXPECT_THAT(text, HasSubstr("coverage_ratio{proxy_vendor=\"all\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("coverage_ratio{proxy_vendor=\"half\"} 0.5\n"));
}

TEST(KernelFamilies, RoundTripsAreAHistogram) {
  RowValue times{.key = {.kind = kKernelRttRow, .vendor = "acme"}};
  for (const std::uint64_t microseconds : {900u, 30'000u, 61'000'000u}) {
    times.counters[kPhaseMicroseconds] += microseconds;
    ++times.counters[kPhaseBuckets + DurationBucket(microseconds)];
  }
  const auto families = KernelFamilies({times, times}, {});
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].type, prometheus::MetricType::Histogram);
  const std::string text = Text(families);
  for (const char* line :
       {"\n# TYPE proxymeter_kernel_rtt_seconds histogram\n",
        "\nproxymeter_kernel_rtt_seconds_count{proxy_vendor=\"acme\"} 6\n",
        "\nproxymeter_kernel_rtt_seconds_sum{proxy_vendor=\"acme\"} 122.0618\n",
        "_bucket{proxy_vendor=\"acme\",le=\"0.001\"} 2\n",
        "_bucket{proxy_vendor=\"acme\",le=\"0.025\"} 2\n",
        "_bucket{proxy_vendor=\"acme\",le=\"0.05\"} 4\n",
        "_bucket{proxy_vendor=\"acme\",le=\"60\"} 4\n",
        "_bucket{proxy_vendor=\"acme\",le=\"+Inf\"} 6\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(KernelFamilies, AreNotThereWhereNothingWasWitnessed) {
  RowValue vendor{.key = {.kind = RowKind::kVendor, .vendor = "acme"}};
  vendor.counters[kConnectionsOk] = 1;
  EXPECT_TRUE(KernelFamilies({}, {}).empty());
  EXPECT_TRUE(KernelFamilies({vendor}, {}).empty());
}

TEST(AuditFamilies, TellHowTheAuditGetsOn) {
  AuditHealth health{.running = true,
                     .ends = 11,
                     .dumps = 12,
                     .failed_dumps = 13,
                     .connections = 14};
  for (std::size_t i = 0; i < kAuditGaps; ++i) health.gaps[i] = 20 + i;
  EXPECT_EQ(
      Text(AuditFamilies(health)),
      R"(# HELP proxymeter_audit_running 1 when what crawlers report is compared with the kernel's own counts.
# TYPE proxymeter_audit_running gauge
proxymeter_audit_running 1
# HELP proxymeter_audit_sockets_total TCP sockets of which the kernel told the last.
# TYPE proxymeter_audit_sockets_total counter
proxymeter_audit_sockets_total 11
# HELP proxymeter_audit_connections Connections followed now.
# TYPE proxymeter_audit_connections gauge
proxymeter_audit_connections 14
# HELP proxymeter_audit_gaps_total What the comparison with the kernel knows that it does not know, by kind; README says what each is.
# TYPE proxymeter_audit_gaps_total counter
proxymeter_audit_gaps_total{reason="end_unheard"} 23
proxymeter_audit_gaps_total{reason="fin_unsure"} 28
proxymeter_audit_gaps_total{reason="late_claim"} 27
proxymeter_audit_gaps_total{reason="no_room"} 26
proxymeter_audit_gaps_total{reason="open_at_start"} 22
proxymeter_audit_gaps_total{reason="overrun"} 20
proxymeter_audit_gaps_total{reason="overwritten"} 25
proxymeter_audit_gaps_total{reason="undecided"} 21
proxymeter_audit_gaps_total{reason="unwitnessed"} 24
# HELP proxymeter_audit_dumps_total Times that the kernel was asked for all open sockets.
# TYPE proxymeter_audit_dumps_total counter
proxymeter_audit_dumps_total{result="failed"} 13
proxymeter_audit_dumps_total{result="ok"} 12
)");
}

TEST(AuditFamilies, SayThatThereIsNoAudit) {
  const std::string text = Text(AuditFamilies({}));
  EXPECT_THAT(text, HasSubstr("\nproxymeter_audit_running 0\n"));
  EXPECT_THAT(text,
              HasSubstr("\nproxymeter_audit_gaps_total{reason=\"overrun\"} 0"));
}

}  // namespace
}  // namespace proxymeter::collector
