#include "proxymeter/journal.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "proxymeter/endpoint.h"

namespace proxymeter {
namespace {

TEST(JournalLayout, RowsFillTheExtentsTheyClaim) {
  EXPECT_EQ(RowsInExtents(1), 106u);
  EXPECT_EQ(RowsInExtents(2), 220u);
  EXPECT_EQ(RowsInExtents(kMoreSlotsOffset / kJournalExtentBytes),
            kMaxJournalRows);
}

TEST(JournalLayout, CountersAreAlignedForAtomicAdds) {
  EXPECT_EQ(offsetof(JournalRow, counters) % alignof(std::uint64_t), 0u);
  EXPECT_EQ(kJournalHeaderBytes % alignof(JournalRow), 0u);
}

TEST(JournalLayout, EveryKindHasItsCounters) {
  EXPECT_EQ(CounterCount(RowKind::kNone), 0u);
  EXPECT_EQ(CounterCount(kProductRow), kTrafficCounters);
  EXPECT_EQ(CounterCount(static_cast<RowKind>(14)), 0u);
  for (std::uint8_t kind = 1; kind <= kLastRowKind; ++kind) {
    EXPECT_GT(CounterCount(static_cast<RowKind>(kind)), 0u);
  }
}

TEST(LeavesCluster, PrivateRangesStayAndTheirNeighboursLeave) {
  const struct {
    Address address;
    bool leaves;
  } cases[] = {
      {MappedIpv4(127, 0, 0, 1), false},
      {MappedIpv4(10, 255, 255, 255), false},
      {MappedIpv4(11, 0, 0, 0), true},
      {MappedIpv4(172, 15, 255, 255), true},
      {MappedIpv4(172, 16, 0, 0), false},
      {MappedIpv4(172, 31, 255, 255), false},
      {MappedIpv4(172, 32, 0, 0), true},
      {MappedIpv4(192, 168, 1, 1), false},
      {MappedIpv4(192, 169, 0, 0), true},
      {MappedIpv4(169, 254, 169, 254), false},
      {MappedIpv4(100, 64, 0, 1), false},
      {MappedIpv4(100, 128, 0, 1), true},
      {MappedIpv4(224, 0, 0, 1), false},
      {MappedIpv4(8, 8, 8, 8), true},
      {{0x20, 0x01, 0x48, 0x60}, true},
      {{0xfd, 0x00}, false},
      {{0xfe, 0x80}, false},
      {{0xff, 0x02}, false},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, false},
      {{}, false},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(LeavesCluster(test.address), test.leaves)
        << int{test.address[0]} << ' ' << int{test.address[12]} << '.'
        << int{test.address[13]};
  }
}

}  // namespace
}  // namespace proxymeter
