#include "cli/top_coverage.h"

#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

std::string Percent(std::uint64_t covered, std::uint64_t witnessed) {
  return Coverage{covered, witnessed}.Percent();
}

TEST(Coverage, IsNeverRoundedUp) {
  EXPECT_EQ(Percent(0, 0), "-");
  EXPECT_EQ(Percent(0, 7), "0.0%");
  EXPECT_EQ(Percent(1, 1), "100%");
  EXPECT_EQ(Percent(1, 3), "33.3%");
  EXPECT_EQ(Percent(2, 3), "66.6%");
  EXPECT_EQ(Percent(999, 1000), "99.9%");
  EXPECT_EQ(Percent(9995, 10000), "99.9%");
  EXPECT_EQ(Percent(9999999, 10000000), "99.9%");
  for (std::uint64_t i = 1; i < 1000; ++i) {
    EXPECT_EQ(Percent(i, 1000),
              std::to_string(i / 10) + "." + std::to_string(i % 10) + "%");
  }
}

TEST(Coverage, OfVeryManyBytesOneThatIsMissingShows) {
  constexpr std::uint64_t kMany = std::uint64_t{1} << 62;
  EXPECT_EQ(Percent(kMany - 1, kMany), "99.9%");
  EXPECT_EQ(Percent(kMany, kMany), "100%");
  EXPECT_LT(*Coverage({kMany - 1, kMany}).ratio(), 1);
  EXPECT_EQ(Coverage({kMany, kMany}).ratio(), 1);
}

TEST(Coverage, OfNothingThereIsNone) {
  EXPECT_EQ(Coverage().ratio(), std::nullopt);
  EXPECT_EQ(Coverage({0, 4}).ratio(), 0);
  EXPECT_EQ(Coverage({3, 4}).ratio(), 0.75);
}

TEST(Witnessed, HasAllThatTheKernelTold) {
  auto now = SnapshotAt(1);
  v1::KernelCounters* counters = AddKernel(now, "b", 1, 2, 3, 4);
  counters->set_retransmitted_bytes(5);
  counters->set_connections_ok(6);
  counters->set_connections_failed(7);
  counters->set_unsent_bytes(8);
  v1::RoundTripTotal* times = now.add_kernel_round_trips();
  times->set_vendor("a");
  times->mutable_counters()->set_microseconds(1'500'000);
  times->mutable_counters()->add_buckets(4);
  const Witnessed witnessed = MakeWitnessed(now);
  ASSERT_EQ(witnessed.kernel.size(), 2u);
  const KernelRow& a = witnessed.kernel[0];
  EXPECT_EQ(a.vendor, "a");
  EXPECT_EQ(a.rtt_count, 4u);
  EXPECT_DOUBLE_EQ(a.rtt_seconds, 1.5);
  EXPECT_DOUBLE_EQ(*a.rtt_p50, 0.0005);
  EXPECT_DOUBLE_EQ(*a.rtt_p95, 0.00095);
  EXPECT_DOUBLE_EQ(*a.rtt_p99, 0.00099);
  const KernelRow& b = witnessed.kernel[1];
  EXPECT_EQ(b.vendor, "b");
  EXPECT_EQ(b.sent_bytes, 1u);
  EXPECT_EQ(b.received_bytes, 2u);
  EXPECT_EQ(b.covered_sent_bytes, 3u);
  EXPECT_EQ(b.covered_received_bytes, 4u);
  EXPECT_EQ(b.retransmitted_bytes, 5u);
  EXPECT_EQ(b.connections_ok, 6u);
  EXPECT_EQ(b.connections_failed, 7u);
  EXPECT_EQ(b.unsent_bytes, 8u);
  EXPECT_EQ(b.rtt_p50, std::nullopt);
}

TEST(Witnessed, WhatWeighsMostComesFirstAndZerosNotAtAll) {
  auto now = SnapshotAt(1);
  AddUnmetered(now, "b", "not_read", 0, 9, 0);
  AddUnmetered(now, "a", "after_crash", 0, 3, 0);
  AddUnmetered(now, "a", "not_preloaded", 3, 4, 5);
  AddUnmetered(now, "a", "path_not_seen", 0, 0, 0);
  AddUnmetered(now, "c", "not_preloaded", 0, 0, 1);
  std::vector<std::string> told;
  for (const UnmeteredRow& row : MakeWitnessed(now).unmetered) {
    told.push_back(row.vendor + " " + row.reason);
  }
  EXPECT_THAT(told, testing::ElementsAre("a not_preloaded", "a after_crash",
                                         "b not_read", "c not_preloaded"));
}

}  // namespace
}  // namespace proxymeter::cli
