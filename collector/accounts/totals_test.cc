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

using std::chrono::seconds;
const Totals::TimePoint kStart = Totals::TimePoint(seconds(1000));
constexpr seconds kIdle(100);

void Send(Totals& totals, const std::string& vendor,
          const std::string& destination, std::uint64_t sent,
          Protocol protocol = Protocol::kHttp1) {
  RowValue row = TrafficRow(vendor, destination, sent, 0, 0);
  row.key.protocol = protocol;
  totals.Add(row.key, row.counters);
}

std::uint64_t SumWithFolded(const Totals& totals) {
  std::uint64_t sum = SumOfSent(totals);
  for (const FoldedVendor& vendor : totals.Folded()) {
    sum += vendor.counters[kSentBytes];
  }
  return sum;
}

std::uint64_t SentTo(const Totals& totals, const std::string& destination) {
  std::uint64_t sum = 0;
  for (const RowValue& row : totals.Rows()) {
    if (row.key.destination == destination) sum += row.counters[kSentBytes];
  }
  return sum;
}

TEST(Totals, IdleDestinationsAreFoldedAndTheSumStays) {
  Totals totals(100);
  Send(totals, "acme", "idle.example", 10);
  Send(totals, "acme", "busy.example", 20);
  const RowValue vendor = VendorRow("acme", 1, 2, 2);
  totals.Add(vendor.key, vendor.counters);
  totals.FoldIdle(kStart, kIdle);
  Send(totals, "acme", "busy.example", 1);
  totals.FoldIdle(kStart + seconds(50), kIdle);
  totals.FoldIdle(kStart + seconds(99), kIdle);
  EXPECT_TRUE(totals.Folded().empty());
  totals.FoldIdle(kStart + seconds(100), kIdle);
  EXPECT_EQ(totals.Rows().size(), 2u);  // the vendor's stays
  EXPECT_EQ(SentTo(totals, "busy.example"), 21u);
  ASSERT_EQ(totals.Folded().size(), 1u);
  EXPECT_EQ(totals.Folded()[0].vendor, "acme");
  EXPECT_EQ(totals.Folded()[0].destinations, 1u);
  EXPECT_EQ(totals.Folded()[0].counters[kSentBytes], 10u);
  // Back again, from 0, and folded anew.
  Send(totals, "acme", "idle.example", 3);
  EXPECT_EQ(SentTo(totals, "idle.example"), 3u);
  totals.FoldIdle(kStart + seconds(120), kIdle);
  totals.FoldIdle(kStart + seconds(220), kIdle);
  EXPECT_EQ(totals.Folded()[0].destinations, 3u);
  EXPECT_EQ(totals.Folded()[0].counters[kSentBytes], 34u);
  EXPECT_EQ(totals.Rows(), std::vector<RowValue>{vendor});
}

TEST(Totals, ADestinationIsFoldedWithAllItsRowsOrNone) {
  Totals totals(100);
  Send(totals, "acme", "a.example", 10, Protocol::kHttp1);
  Send(totals, "acme", "a.example", 20, Protocol::kTls);
  totals.FoldIdle(kStart, kIdle);
  Send(totals, "acme", "a.example", 1, Protocol::kTls);
  totals.FoldIdle(kStart + seconds(100), kIdle);
  EXPECT_EQ(SentTo(totals, "a.example"), 31u);
  totals.FoldIdle(kStart + seconds(200), kIdle);
  EXPECT_TRUE(totals.Rows().empty());
  EXPECT_EQ(totals.Folded()[0].destinations, 1u);
  EXPECT_EQ(totals.Folded()[0].counters[kSentBytes], 31u);
}

TEST(Totals, EachVendorHasSoManyDestinations) {
  Totals totals(100, 3);
  for (int i = 0; i < 10; ++i) {
    Send(totals, "acme", "host" + std::to_string(i), 1);
  }
  Send(totals, "acme", "host0", 1, Protocol::kTls);  // known by name
  Send(totals, "zeta", "host9", 1);
  EXPECT_EQ(totals.overflowed(), 7u);
  EXPECT_EQ(SentTo(totals, kOtherDestination), 7u);
  EXPECT_EQ(SentTo(totals, "host0"), 2u);
  EXPECT_EQ(SentTo(totals, "host9"), 1u);
  // `_other` counts as a destination too, once it is there; folding makes
  // room.
  totals.FoldIdle(kStart, kIdle);
  totals.FoldIdle(kStart + kIdle, kIdle);
  Send(totals, "acme", "new.example", 1);
  EXPECT_EQ(SentTo(totals, "new.example"), 1u);
  EXPECT_EQ(SumWithFolded(totals), 13u);
}

TEST(Totals, MadeUpVendorsAreNotRememberedWithoutEnd) {
  Totals totals(160);
  for (int i = 0; i < 100; ++i) {
    Send(totals, "vendor" + std::to_string(i), "a.example", 1);
  }
  totals.FoldIdle(kStart, kIdle);
  totals.FoldIdle(kStart + kIdle, kIdle);
  EXPECT_EQ(totals.Folded().size(), 10u);
  EXPECT_EQ(totals.Rows().size(), 90u);
  EXPECT_EQ(SumWithFolded(totals), 100u);
}

AccountsState ChangesOf(Totals& totals) {
  AccountsState state;
  totals.TakeChanges(state);
  return state;
}

TEST(Totals, WhatIsFoldedIsAmongTheChangesUntilItIsWritten) {
  Totals totals(100);
  totals.KeepChanges();
  Send(totals, "acme", "a.example", 10);
  const AccountsState first = ChangesOf(totals);
  ASSERT_EQ(first.totals.size(), 1u);
  EXPECT_FALSE(first.totals[0].in_ledger);
  totals.FoldIdle(kStart, kIdle);
  Send(totals, "acme", "b.example", 5);
  totals.FoldIdle(kStart + kIdle, kIdle);
  Send(totals, "acme", "a.example", 2);  // back before it was written
  AccountsState lost = ChangesOf(totals);
  EXPECT_TRUE(ChangesOf(totals).dropped.empty());
  totals.PutBack(lost);
  const AccountsState state = ChangesOf(totals);
  EXPECT_EQ(state.dropped, std::vector{first.totals[0].number});
  ASSERT_EQ(state.totals.size(), 2u);
  for (const TotalRow& total : state.totals) {
    EXPECT_GT(total.number, first.totals[0].number);
    EXPECT_FALSE(total.in_ledger);
  }
  ASSERT_EQ(state.folded.size(), 1u);
  EXPECT_EQ(state.folded[0].counters[kSentBytes], 10u);
  EXPECT_EQ(state.folded, lost.folded);

  Totals restored(100);
  restored.Restore(state);
  EXPECT_EQ(restored.Folded(), totals.Folded());
  EXPECT_EQ(SumWithFolded(restored), 17u);
  EXPECT_EQ(SentTo(restored, "a.example"), 2u);
}

TEST(Totals, ARowKeepsItsNumberAcrossLives) {
  Totals totals(100);
  totals.KeepChanges();
  Send(totals, "acme", "a.example", 1);
  Send(totals, "acme", "b.example", 2);
  const AccountsState state = ChangesOf(totals);
  ASSERT_EQ(state.totals.size(), 2u);
  EXPECT_NE(state.totals[0].number, state.totals[1].number);
  Totals restored(100);
  restored.Restore(state);
  restored.KeepChanges();
  Send(restored, "acme", "b.example", 5);
  Send(restored, "acme", "c.example", 1);
  const AccountsState next = ChangesOf(restored);
  ASSERT_EQ(next.totals.size(), 2u);
  EXPECT_EQ(next.totals[0].number, state.totals[1].number);
  EXPECT_TRUE(next.totals[0].in_ledger);
  EXPECT_GT(next.totals[1].number, next.totals[0].number);
  EXPECT_FALSE(next.totals[1].in_ledger);
  // What was not written is not in the ledger, whatever was hoped.
  restored.PutBack(next);
  const AccountsState again = ChangesOf(restored);
  EXPECT_EQ(again.totals, next.totals);
}

TEST(Totals, APlaceIsFoundAgainAfterItsRowWasFolded) {
  Totals totals(100);
  const RowValue row = TrafficRow("acme", "a.example", 10, 0, 0);
  Totals::Place place;
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  EXPECT_EQ(SentTo(totals, "a.example"), 20u);
  totals.FoldIdle(kStart, kIdle);
  totals.FoldIdle(kStart + kIdle, kIdle);
  EXPECT_TRUE(totals.Rows().empty());
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  EXPECT_EQ(SentTo(totals, "a.example"), 20u);
  EXPECT_EQ(SumWithFolded(totals), 40u);
}

TEST(Totals, APlaceWithoutRoomIsLookedUpEachTime) {
  Totals totals(16);
  for (int i = 0; i < 16; ++i) {
    Send(totals, "acme", "host" + std::to_string(i), 1);
  }
  const RowValue row = TrafficRow("acme", "a.example", 10, 0, 0);
  Totals::Place place;
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  EXPECT_EQ(totals.overflowed(), 2u);
  EXPECT_EQ(SentTo(totals, kOtherDestination), 20u);
  totals.FoldIdle(kStart, kIdle);
  totals.FoldIdle(kStart + kIdle, kIdle);
  totals.Add(row.key, row.counters, Totals::Teller::kJournal, place);
  EXPECT_EQ(SentTo(totals, "a.example"), 10u);
}

TEST(Totals, SumsOfAVendorHaveWhatWasFolded) {
  Totals totals(100);
  for (const RowValue& row : {TrafficRow("acme", "a.example", 10, 20, 3),
                              TrafficRow("beta", "a.example", 1, 2, 3),
                              VendorRow("quiet", 9, 9, 9)}) {
    totals.Add(row.key, row.counters);
  }
  RowValue error{
      .key = {.kind = RowKind::kProxyError, .vendor = "acme", .code = 1}};
  error.counters[kProxyErrors] = 4;
  totals.Add(error.key, error.counters);
  totals.FoldIdle(kStart, kIdle);
  totals.FoldIdle(kStart + kIdle, kIdle);
  const RowValue again = TrafficRow("acme", "b.example", 100, 200, 30);
  totals.Add(again.key, again.counters);
  EXPECT_EQ(totals.SumsByVendor(),
            (VendorSums{{"acme", {33, 110, 220, 4}}, {"beta", {3, 1, 2, 0}}}));
}

}  // namespace
}  // namespace proxymeter::collector
