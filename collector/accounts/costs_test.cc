#include "collector/accounts/costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <ostream>

#include "collector/accounts/sessions_test.h"
#include "collector/accounts/totals.h"

namespace proxymeter::collector {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kUnitsPerAttounit = 2'097'152;  // 10^-18

// So many 10^-18 of the currency's unit.
constexpr CostUnits Atto(std::uint64_t count) {
  return CostUnits{count} * kUnitsPerAttounit;
}
constexpr CostUnits Billionths(std::uint64_t count) {
  return CostUnits{count} * 2'097'152'000'000'000;
}
constexpr CostUnits Whole(std::uint64_t count) {
  return Billionths(count) * 1'000'000'000;
}

// GoogleTest has no way of its own to show 128 bits.
std::string Digits(CostUnits cost) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + cost % 10));
    cost /= 10;
  } while (cost != 0);
  return digits;
}

Price PerGb(std::int64_t billionths) {
  return {.currency = "USD", .per_gb = billionths};
}

Counters Traffic(std::uint64_t sent, std::uint64_t received,
                 std::uint64_t requests = 0, std::uint64_t successes = 0) {
  Counters counters{};
  counters[kSentBytes] = sent;
  counters[kReceivedBytes] = received;
  counters[kRequests] = requests;
  counters[kResponses2xx] = successes;
  return counters;
}

// "vendor destination currency" to what it cost.
std::map<std::string, std::string> Shown(const std::vector<CostValue>& values) {
  std::map<std::string, std::string> shown;
  for (const CostValue& value : values) {
    shown[value.key.vendor + "/" + value.key.destination + "/" +
          value.key.currency] = Digits(value.cost);
  }
  return shown;
}

using Sums = std::map<std::string, std::string>;

TEST(CostOf, IsExactForGigabytes) {
  // 8.40 a GB times 0.123456789 GB.
  EXPECT_EQ(
      Digits(CostOf(PerGb(8'400'000'000), {123'456'000, 789}, Traffic(0, 0))),
      Digits(Atto(1'037'037'027'600'000'000)));
  EXPECT_EQ(InCurrency(Atto(1'037'037'027'600'000'000)), 1.0370370276);
}

TEST(CostOf, IsExactForGibibytes) {
  Price price = PerGb(500'000'000);
  price.divisor = kGibibyte;
  // Three bytes: 1.5 / 2^30, no whole number of any power of ten there is room
  // for.
  EXPECT_EQ(Digits(CostOf(price, {1, 2}, Traffic(0, 0))), "2929687500000000");
  EXPECT_EQ(Digits(CostOf(price, {0, kGibibyte}, Traffic(0, 0))),
            Digits(Billionths(500'000'000)));
}

TEST(CostOf, CountsTheDirectionsThatAreBilled) {
  Price price = PerGb(1);
  const auto cost = [&price] {
    return Digits(CostOf(price, {1'000'000'000, 5'000'000'000}, Traffic(0, 0)));
  };
  EXPECT_EQ(cost(), Digits(Billionths(6)));
  price.directions = Price::Directions::kSent;
  EXPECT_EQ(cost(), Digits(Billionths(1)));
  price.directions = Price::Directions::kReceived;
  EXPECT_EQ(cost(), Digits(Billionths(5)));
}

TEST(CostOf, AddsRequestsAndSuccesses) {
  const Price price{.currency = "EUR", .per_request = 3, .per_success = 1'000};
  EXPECT_EQ(Digits(CostOf(price, {1 << 20, 1 << 20}, Traffic(0, 0, 7, 5))),
            Digits(Billionths(7 * 3 + 5 * 1'000)));
}

TEST(CostOf, GoesBeyond64Bits) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(Digits(CostOf(PerGb(1), {kMost, 0}, Traffic(0, 0))),
            Digits(CostUnits{kMost} * kUnitsPerAttounit));
  EXPECT_EQ(Digits(CostOf(PerGb(1'000'000'000), {0, 4'000'000'000'000'000'000},
                          Traffic(0, 0))),
            Digits(Whole(4'000'000'000)));
}

TEST(CostOf, StopsAtTheLargestValue) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  constexpr CostUnits kLargest = ~CostUnits{0};
  EXPECT_EQ(CostOf(PerGb(1'000'000'000'000'000), {kMost, kMost}, Traffic(0, 0)),
            kLargest);
  EXPECT_EQ(AddCosts(kLargest, 1), kLargest);
  EXPECT_EQ(AddCosts(kLargest - 1, 1), kLargest);
}

class CostsTest : public ::testing::Test {
 protected:
  static void Add(Totals& totals, const std::string& vendor,
                  const std::string& destination, const Counters& traffic) {
    totals.Add({.kind = RowKind::kTraffic,
                .vendor = vendor,
                .destination = destination},
               traffic);
  }
  void Add(const std::string& destination, const Counters& traffic) {
    Add(totals_, "acme", destination, traffic);
  }
  void AddHandshakes(std::uint64_t sent, std::uint64_t received) {
    Counters counters{};
    counters[kHandshakeSentBytes] = sent;
    counters[kHandshakeReceivedBytes] = received;
    totals_.Add({.kind = RowKind::kVendor, .vendor = "acme"}, counters);
  }
  Sums Costs() const { return Shown(totals_.CostValues()); }

  Totals totals_{100};
};

TEST_F(CostsTest, AreOfTheVendorAndOfEachDestination) {
  totals_.SetTerms({{"acme", PerGb(8'400'000'000)}});
  Add("a.example", Traffic(1'000, 2'000));
  Add("b.example", Traffic(0, 10'000));
  Add("a.example", Traffic(5, 0));
  Add(totals_, "free", "a.example", Traffic(1, 1));
  EXPECT_EQ(Costs(),
            (Sums{{"acme//USD", Digits(Billionths(84) * 13'005 / 10)},
                  {"acme/a.example/USD", Digits(Billionths(84) * 3'005 / 10)},
                  {"acme/b.example/USD", Digits(Billionths(84'000))}}));
}

TEST_F(CostsTest, SmallStepsAddUpToTheWhole) {
  Price price = PerGb(8'410'000'000);
  price.divisor = kGibibyte;
  totals_.SetTerms({{"acme", price}});
  for (int i = 0; i < 1'000; ++i) Add("a.example", Traffic(1, 2));
  EXPECT_EQ(Costs()["acme//USD"],
            Digits(CostOf(price, {1'000, 2'000}, Traffic(0, 0))));
}

TEST_F(CostsTest, ANewPriceLeavesHistoryAsItWas) {
  Add("a.example", Traffic(1'000'000'000, 0));  // nobody knows for how much
  totals_.SetTerms({{"acme", PerGb(8'000'000'000)}});
  Add("a.example", Traffic(1'000'000'000, 0));
  totals_.SetTerms({{"acme", PerGb(3'000'000'000)}});
  Add("a.example", Traffic(2'000'000'000, 0));
  totals_.SetTerms({{"acme"}});
  Add("a.example", Traffic(1'000'000'000, 0));
  EXPECT_EQ(Costs(), (Sums{{"acme//USD", Digits(Whole(8 + 2 * 3))},
                           {"acme/a.example/USD", Digits(Whole(14))}}));
}

TEST_F(CostsTest, CurrenciesAreNotMixed) {
  totals_.SetTerms({{"acme", PerGb(1'000'000'000)}});
  Add("a.example", Traffic(1'000'000'000, 0));
  Price euros = PerGb(2'000'000'000);
  euros.currency = "EUR";
  totals_.SetTerms({{"acme", euros}});
  Add("a.example", Traffic(1'000'000'000, 0));
  EXPECT_EQ(Costs(), (Sums{{"acme//EUR", Digits(Whole(2))},
                           {"acme//USD", Digits(Whole(1))},
                           {"acme/a.example/EUR", Digits(Whole(2))},
                           {"acme/a.example/USD", Digits(Whole(1))}}));
}

TEST_F(CostsTest, HandshakesAreTakenOffWherePayloadIsBilled) {
  Price price = PerGb(1'000'000'000);
  price.bytes = Price::Bytes::kPayload;
  totals_.SetTerms({{"acme", price}});
  AddHandshakes(300, 40);
  EXPECT_EQ(Costs()["acme//USD"], "0");
  Add("a.example",
      Traffic(100, 1'000));  // all of it hand-shake, as far as sent
  EXPECT_EQ(Costs()["acme//USD"], Digits(Billionths(960)));
  Add("b.example", Traffic(250, 0));
  EXPECT_EQ(Costs()["acme//USD"], Digits(Billionths(960 + 50)));
  // What comes after the traffic is taken off the next.
  AddHandshakes(0, 10);
  EXPECT_EQ(Costs()["acme//USD"], Digits(Billionths(1'010)));
  Add("a.example", Traffic(0, 11));
  // No destination's share of the hand-shakes is known, so none is shown.
  EXPECT_EQ(Costs(), (Sums{{"acme//USD", Digits(Billionths(1'011))}}));
}

TEST_F(CostsTest, HandshakesAreBilledOnTheWire) {
  totals_.SetTerms({{"acme", PerGb(1'000'000'000)}});
  AddHandshakes(300, 40);
  Add("a.example", Traffic(300, 40));
  EXPECT_EQ(Costs()["acme//USD"], Digits(Billionths(340)));
}

TEST_F(CostsTest, FoldingKeepsTheVendorsSum) {
  using namespace std::chrono_literals;
  const Totals::TimePoint start{};
  totals_.SetTerms({{"acme", PerGb(1'000'000'000)}});
  Add("a.example", Traffic(100, 0));
  Add("b.example", Traffic(10, 0));
  totals_.FoldIdle(start, 1h);
  Add("b.example", Traffic(1, 0));
  totals_.FoldIdle(start + 61min, 1h);
  EXPECT_EQ(Costs(), (Sums{{"acme//USD", Digits(Billionths(111))},
                           {"acme/b.example/USD", Digits(Billionths(11))}}));
  Add("a.example", Traffic(5, 0));
  EXPECT_EQ(Costs(), (Sums{{"acme//USD", Digits(Billionths(116))},
                           {"acme/a.example/USD", Digits(Billionths(5))},
                           {"acme/b.example/USD", Digits(Billionths(11))}}));
}

TEST_F(CostsTest, DestinationsWithoutRoomAreOther) {
  totals_.SetTerms({{"acme", PerGb(1'000'000'000), /*max_destinations=*/1}});
  Add("a.example", Traffic(1, 0));
  Add("b.example", Traffic(10, 0));
  Add("c.example", Traffic(100, 0));
  EXPECT_EQ(Costs(), (Sums{{"acme//USD", Digits(Billionths(111))},
                           {"acme/_other/USD", Digits(Billionths(110))},
                           {"acme/a.example/USD", Digits(Billionths(1))}}));
  // Others have the room that they had.
  Add(totals_, "free", "a.example", Traffic(1, 0));
  Add(totals_, "free", "b.example", Traffic(1, 0));
  EXPECT_EQ(totals_.overflowed(), 2u);
}

TEST_F(CostsTest, AVendorWithoutRoomForARowPaysAllTheSame) {
  Totals totals(1);
  totals.SetTerms({{"acme", PerGb(1'000'000'000)}});
  Add(totals, "one", "a.example", Traffic(1, 0));
  Add(totals, "two", "a.example", Traffic(1, 0));  // `_other` for good
  Add(totals, "acme", "a.example", Traffic(7, 0));
  EXPECT_EQ(Shown(totals.CostValues()),
            (Sums{{"acme//USD", Digits(Billionths(7))},
                  {"acme/_other/USD", Digits(Billionths(7))}}));
}

TEST(SessionsCosts, GrowWithWhatIsNewOnly) {
  Sessions sessions;
  sessions.SetTerms({{"acme", PerGb(1'000'000'000)}});
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 100, 0, 1)}}, true));
  const JournalContents journal =
      Journal(kOne, {{0, TrafficRow("acme", "a.example", 150, 0, 1)}});
  sessions.ApplyJournal(journal);
  sessions.ApplyJournal(journal);
  sessions.Finish(kOne, &journal);
  EXPECT_EQ(Shown(sessions.Snapshot().costs)["acme//USD"],
            Digits(Billionths(150)));
}

TEST(SessionsCosts, WhatConnectionsHeldIsPaidToo) {
  Sessions sessions;
  sessions.SetTerms({{"acme", PerGb(1'000'000'000)}});
  sessions.ApplyFrame(Frame(kOne, {{0, VendorRow("acme", 1, 100, 40)}}));
  EXPECT_THAT(sessions.Snapshot().costs, IsEmpty());
  sessions.Finish(kOne);
  EXPECT_EQ(Shown(sessions.Snapshot().costs),
            (Sums{{"acme//USD", Digits(Billionths(60))},
                  {"acme/_unknown/USD", Digits(Billionths(60))}}));
}

}  // namespace
}  // namespace proxymeter::collector
