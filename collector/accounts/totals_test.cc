#include "collector/accounts/totals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

std::uint64_t SumOfSent(const Totals& totals) {
  std::uint64_t sum = 0;
  for (const RowValue& row : totals.Rows()) sum += row.counters[kSentBytes];
  return sum;
}

TEST(Totals, AddsByKey) {
  Totals totals(10);
  const RowValue row = TrafficRow("acme", "example.com", 1, 2, 3);
  totals.Add(row.key, row.counters);
  totals.Add(row.key, row.counters);
  EXPECT_EQ(totals.Rows(),
            std::vector<RowValue>{TrafficRow("acme", "example.com", 2, 4, 6)});
}

TEST(Totals, StopsAtTheLargestValue) {
  Totals totals(10);
  const RowValue row = TrafficRow(
      "acme", "example.com", std::numeric_limits<std::uint64_t>::max(), 0, 0);
  totals.Add(row.key, row.counters);
  totals.Add(row.key, row.counters);
  EXPECT_EQ(totals.Rows()[0].counters[kSentBytes],
            std::numeric_limits<std::uint64_t>::max());
}

TEST(Totals, OverflowKeepsTheSumAndTheVendor) {
  Totals totals(16);
  for (int i = 0; i < 20; ++i) {
    const RowValue row =
        TrafficRow("acme", "host" + std::to_string(i), 1, 0, 0);
    totals.Add(row.key, row.counters);
  }
  EXPECT_EQ(totals.overflowed(), 4u);
  EXPECT_EQ(SumOfSent(totals), 20u);
  const std::vector<RowValue> rows = totals.Rows();
  EXPECT_EQ(rows.size(), 17u);
  const auto other = std::ranges::find_if(rows, [](const RowValue& row) {
    return row.key.destination == kOtherDestination;
  });
  ASSERT_NE(other, rows.end());
  EXPECT_EQ(other->key.vendor, "acme");
  EXPECT_EQ(other->counters[kSentBytes], 4u);
}

TEST(Totals, OverflowKeepsWhatWalkedAStack) {
  Totals totals(16);
  for (int i = 0; i < 20; ++i) {
    Counters counters{};
    counters[kCallerConnections] = 1;
    totals.Add({.kind = RowKind::kCaller,
                .vendor = "acme",
                .destination = "lib" + std::to_string(i),
                .code = static_cast<std::uint16_t>(Unwinder::kLibgcc)},
               counters);
  }
  const std::vector<RowValue> rows = totals.Rows();
  const auto other = std::ranges::find_if(rows, [](const RowValue& row) {
    return row.key.destination == kOtherDestination;
  });
  ASSERT_NE(other, rows.end());
  EXPECT_EQ(other->key.code, static_cast<int>(Unwinder::kLibgcc));
  EXPECT_EQ(other->counters[kCallerConnections], 4u);
}

TEST(Totals, MadeUpVendorsDoNotGrowItWithoutEnd) {
  Totals totals(16);
  for (int i = 0; i < 1000; ++i) {
    const RowValue row =
        TrafficRow("vendor" + std::to_string(i), "example.com", 1, 0, 0);
    totals.Add(row.key, row.counters);
  }
  EXPECT_EQ(SumOfSent(totals), 1000u);
  EXPECT_LE(totals.Rows().size(), 18u);
}

}  // namespace
}  // namespace proxymeter::collector
