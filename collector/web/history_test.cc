#include "collector/web/history.h"

#include <gtest/gtest.h>

#include <string>

namespace proxymeter::collector {
namespace {

using std::chrono::seconds;

class HistoryTest : public testing::Test {
 protected:
  // A sample, `after` the one before.
  void Add(const VendorSums& sums, seconds after = seconds(5)) {
    time_ += after;
    history_.Add(sums, static_cast<double>(time_.count()),
                 std::chrono::steady_clock::time_point(time_));
  }

  History history_;
  seconds time_{1000};
};

TEST_F(HistoryTest, TellsGrowthPerSecond) {
  Add({{"a", {.requests = 100}}});
  EXPECT_EQ(history_.Message(0).unix_seconds_size(), 0);
  Add({{"a",
        {.requests = 110,
         .sent_bytes = 50,
         .received_bytes = 500,
         .proxy_errors = 5}},
       {"b", {.requests = 5}}});
  // Late, as after a pause: over the time that it was.
  Add({{"a", {110, 50, 500, 5}}, {"b", {.requests = 25}}}, seconds(10));
  const v1::HistoryResponse message = history_.Message(0);
  EXPECT_EQ(message.interval_seconds(), 5u);
  EXPECT_EQ(message.capacity(), 180u);
  ASSERT_EQ(message.unix_seconds_size(), 2);
  EXPECT_EQ(message.unix_seconds(0), 1010);
  EXPECT_EQ(message.unix_seconds(1), 1020);
  ASSERT_EQ(message.vendors_size(), 2);
  const v1::VendorHistory& a = message.vendors(0);
  EXPECT_EQ(a.vendor(), "a");
  EXPECT_EQ(a.requests(0), 2);
  EXPECT_EQ(a.sent_bytes(0), 10);
  EXPECT_EQ(a.received_bytes(0), 100);
  EXPECT_EQ(a.proxy_errors(0), 1);
  EXPECT_EQ(a.requests(1), 0);
  const v1::VendorHistory& b = message.vendors(1);
  EXPECT_EQ(b.vendor(), "b");
  EXPECT_EQ(b.requests(0), 1);
  EXPECT_EQ(b.requests(1), 2);
}

TEST_F(HistoryTest, TellsOnlyWhatIsNewerThanAsked) {
  for (std::uint64_t i = 0; i < 4; ++i) Add({{"a", {.requests = i * 5}}});
  EXPECT_EQ(history_.Message(0).unix_seconds_size(), 3);
  const v1::HistoryResponse message = history_.Message(1015);
  ASSERT_EQ(message.unix_seconds_size(), 1);
  EXPECT_EQ(message.unix_seconds(0), 1020);
  EXPECT_EQ(message.vendors(0).requests_size(), 1);
  EXPECT_EQ(history_.Message(1020).unix_seconds_size(), 0);
}

TEST_F(HistoryTest, BeginsAnewWhereSumsHaveFallen) {
  Add({{"a", {.requests = 100}}});
  Add({{"a", {.requests = 50}}});
  EXPECT_EQ(history_.Message(0).unix_seconds_size(), 0);
  Add({{"a", {.requests = 60}}});
  ASSERT_EQ(history_.Message(0).unix_seconds_size(), 1);
  EXPECT_EQ(history_.Message(0).vendors(0).requests(0), 2);
  Add({});
  EXPECT_EQ(history_.Message(0).unix_seconds_size(), 1);
}

TEST_F(HistoryTest, KeepsAQuarterOfAnHour) {
  for (std::uint64_t i = 0; i < 200; ++i) Add({{"a", {.requests = i * 5}}});
  const v1::HistoryResponse message = history_.Message(0);
  EXPECT_EQ(message.unix_seconds_size(), 180);
  EXPECT_EQ(message.unix_seconds(179), 2000);
  EXPECT_EQ(message.vendors(0).requests_size(), 180);
}

TEST_F(HistoryTest, CountsTogetherWhatFindsNoRoom) {
  VendorSums sums;
  const auto name = [](std::size_t i) { return "v" + std::to_string(100 + i); };
  for (std::size_t i = 0; i < History::kVendors + 3; ++i) sums[name(i)] = {};
  Add(sums);
  for (auto& [vendor, sum] : sums) sum.requests = 5;
  Add(sums);
  v1::HistoryResponse message = history_.Message(0);
  ASSERT_EQ(message.vendors_size(), 33);
  EXPECT_EQ(message.vendors(32).vendor(), "_other");
  EXPECT_EQ(message.vendors(32).requests(0), 3);
  // Who has been silent for as long as is remembered makes room.
  for (std::size_t i = 0; i < History::kSamples; ++i) Add(sums);
  EXPECT_EQ(history_.Message(0).vendors_size(), 0);
  sums[name(34)].requests = 10;
  Add(sums);
  message = history_.Message(0);
  ASSERT_EQ(message.vendors_size(), 1);
  EXPECT_EQ(message.vendors(0).vendor(), name(34));
}

}  // namespace
}  // namespace proxymeter::collector
