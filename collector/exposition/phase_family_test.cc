#include "collector/exposition/phase_family.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

RowValue PhaseRow(const std::string& vendor, Phase phase) {
  return {.key = {.kind = RowKind::kPhase,
                  .vendor = vendor,
                  .code = static_cast<std::uint16_t>(phase)}};
}

void AddDuration(RowValue* row, std::uint64_t microseconds) {
  row->counters[kPhaseMicroseconds] += microseconds;
  ++row->counters[kPhaseBuckets + DurationBucket(microseconds)];
}

TEST(PhaseFamily, HasNoSeriesOfNothing) {
  RowValue other{.key = {.kind = RowKind::kProxyError, .vendor = "acme"}};
  other.counters[kProxyErrors] = 3;
  EXPECT_TRUE(PhaseFamily({other}, {}).metric.empty());
}

TEST(PhaseFamily, BoundsAreInclusive) {
  EXPECT_EQ(DurationBucket(0), 0u);
  EXPECT_EQ(DurationBucket(1000), 0u);
  EXPECT_EQ(DurationBucket(1001), 1u);
  EXPECT_EQ(DurationBucket(60'000'000), kDurationBuckets - 2);
  EXPECT_EQ(DurationBucket(60'000'001), kDurationBuckets - 1);
}

TEST(PhaseFamily, BucketsAreCumulativeInSeconds) {
  RowValue row = PhaseRow("acme", Phase::kFirstByte);
  AddDuration(&row, 900);
  AddDuration(&row, 4'000);
  AddDuration(&row, 2'000'000);
  AddDuration(&row, 61'000'000);
  RowValue again = PhaseRow("acme", Phase::kFirstByte);
  AddDuration(&again, 100);
  const std::string labels =
      R"({proxy_vendor="acme",phase="first_byte",pod_name="p",pod_namespace="n")";
  std::string expected =
      R"(# HELP proxymeter_phase_duration_seconds How long parts of an exchange took, as the crawler saw it: connect, tunnel (CONNECT or SOCKS), tls_handshake, first_byte (request sent until the response begins), request (until it ends).
# TYPE proxymeter_phase_duration_seconds histogram
)";
  expected += "proxymeter_phase_duration_seconds_count" + labels + "} 5\n";
  expected += "proxymeter_phase_duration_seconds_sum" + labels + "} 63.005\n";
  constexpr std::pair<const char*, int> kBuckets[] = {
      {"0.001", 2}, {"0.0025", 2}, {"0.005", 3}, {"0.01", 3}, {"0.025", 3},
      {"0.05", 3},  {"0.075", 3},  {"0.1", 3},   {"0.25", 3}, {"0.5", 3},
      {"0.75", 3},  {"1", 3},      {"2.5", 4},   {"5", 4},    {"7.5", 4},
      {"10", 4},    {"30", 4},     {"60", 4},    {"+Inf", 5}};
  for (const auto& [bound, count] : kBuckets) {
    expected += "proxymeter_phase_duration_seconds_bucket" + labels + ",le=\"" +
                bound + "\"} " + std::to_string(count) + "\n";
  }
  EXPECT_EQ(prometheus::TextSerializer().Serialize(
                {PhaseFamily({row, again}, {.name = "p", .name_space = "n"})}),
            expected);
}

TEST(PhaseFamily, PhasesAndVendorsAreApart) {
  RowValue a = PhaseRow("acme", Phase::kConnect);
  RowValue b = PhaseRow("acme", Phase::kTunnel);
  RowValue c = PhaseRow("other", Phase::kConnect);
  EXPECT_EQ(PhaseFamily({a, b, c, a}, {}).metric.size(), 3u);
}

}  // namespace
}  // namespace proxymeter::collector
