#include "cli/top_view.h"

#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

std::vector<std::string> Destinations(const View& view) {
  std::vector<std::string> names;
  for (const TrafficRow& row : view.traffic) names.push_back(row.destination);
  return names;
}

TEST(TopView, TakesRatesOverTheTimeBetweenSnapshots) {
  auto before = SnapshotAt(10);
  AddTraffic(before, "acme", "a.test", 10, 1000, 5000);
  auto now = SnapshotAt(12);
  AddTraffic(now, "acme", "a.test", 13, 1500, 9000);
  AddTraffic(now, "acme", "new.test", 4, 200, 400);
  const View view = MakeView(now, &before, {});
  ASSERT_EQ(view.traffic.size(), 2u);
  ASSERT_TRUE(view.traffic[0].rates.has_value());
  EXPECT_DOUBLE_EQ(view.traffic[0].rates->requests, 1.5);
  EXPECT_DOUBLE_EQ(view.traffic[0].rates->sent_bytes, 250);
  EXPECT_DOUBLE_EQ(view.traffic[0].rates->received_bytes, 2000);
  EXPECT_DOUBLE_EQ(view.traffic[1].rates->requests, 2);
  ASSERT_EQ(view.vendors.size(), 1u);
  EXPECT_EQ(view.vendors[0].total.requests, 17u);
  EXPECT_DOUBLE_EQ(view.vendors[0].rates->requests, 3.5);
  EXPECT_DOUBLE_EQ(view.rates->received_bytes, 2200);
}

TEST(TopView, HasNoRatesWhereNoneAreKnown) {
  auto first = SnapshotAt(10);
  AddTraffic(first, "acme", "a.test", 10, 1000, 5000);
  EXPECT_FALSE(MakeView(first, nullptr, {}).rates.has_value());
  EXPECT_FALSE(MakeView(first, &first, {}).rates.has_value());

  auto fallen = SnapshotAt(11);
  AddTraffic(fallen, "acme", "a.test", 9, 1000, 5000);
  EXPECT_FALSE(MakeView(fallen, &first, {}).traffic[0].rates.has_value());

  auto restarted = first;
  restarted.set_unix_ns(first.unix_ns() + kSecond);
  restarted.set_since_unix_ns(first.unix_ns());
  EXPECT_FALSE(MakeView(restarted, &first, {}).traffic[0].rates.has_value());
}

TEST(TopView, SortsByTheKeyAndThenByName) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "b", "b1", 1, 30, 100);
  AddTraffic(now, "a", "a2", 3, 10, 100);
  AddTraffic(now, "a", "a1", 2, 20, 300);
  const auto sorted = [&now](SortKey key) {
    return Destinations(MakeView(now, nullptr, {.sort = key}));
  };
  using testing::ElementsAre;
  EXPECT_THAT(sorted(SortKey::kRequests), ElementsAre("a2", "a1", "b1"));
  EXPECT_THAT(sorted(SortKey::kSent), ElementsAre("b1", "a1", "a2"));
  EXPECT_THAT(sorted(SortKey::kReceived), ElementsAre("a1", "a2", "b1"));
  EXPECT_THAT(sorted(SortKey::kVendor), ElementsAre("a1", "a2", "b1"));
}

TEST(TopView, SortsByWhatHappensNow) {
  auto first = SnapshotAt(10);
  AddTraffic(first, "a", "a1", 100, 1, 1);
  AddTraffic(first, "a", "a2", 10, 1, 1);
  auto second = SnapshotAt(11);
  AddTraffic(second, "a", "a1", 101, 1, 1);
  AddTraffic(second, "a", "a2", 15, 1, 1);
  const ViewOptions options = {.sort = SortKey::kRate};
  using testing::ElementsAre;
  EXPECT_THAT(Destinations(MakeView(second, &first, options)),
              ElementsAre("a2", "a1"));
  EXPECT_THAT(Destinations(MakeView(first, nullptr, options)),
              ElementsAre("a1", "a2"));
}

TEST(TopView, TheLimitHidesRowsButNotTheirTraffic) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "a", "x", 1, 10, 20);
  AddTraffic(now, "a", "y", 2, 10, 20);
  const View view = MakeView(now, nullptr, {.limit = 1});
  EXPECT_THAT(Destinations(view), testing::ElementsAre("y"));
  EXPECT_EQ(view.traffic_beyond_limit, 1u);
  EXPECT_EQ(view.total.requests, 3u);
  EXPECT_EQ(view.vendors[0].total.sent_bytes, 20u);
}

TEST(TopView, RowsThatDifferInProtocolOrVisibilityAreNotMixed) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "a", "x", 1, 10, 20);
  AddTraffic(now, "a", "x", 2, 10, 20);
  now.mutable_traffic(1)->set_visibility(v1::VISIBILITY_INFERRED);
  AddTraffic(now, "a", "x", 4, 10, 20);
  now.mutable_traffic(2)->set_protocol(static_cast<v1::Protocol>(99));
  const View view = MakeView(now, nullptr, {});
  ASSERT_EQ(view.traffic.size(), 3u);
  EXPECT_EQ(view.traffic[0].protocol, "unknown");
  EXPECT_EQ(view.traffic[1].visibility, "inferred");
  EXPECT_EQ(view.traffic[2].protocol, "https/1.1");
}

TEST(TopView, EveryResponseIsInOneClass) {
  auto now = SnapshotAt(1);
  v1::TrafficCounters* counters = AddTraffic(now, "a", "x", 0, 0, 0);
  counters->set_responses_1xx(1);
  counters->set_responses_2xx(2);
  counters->set_responses_3xx(4);
  counters->set_responses_4xx(8);
  counters->set_responses_5xx(16);
  counters->set_responses_other(32);
  const Traffic total = MakeView(now, nullptr, {}).total;
  EXPECT_EQ(total.responses_2xx, 2u);
  EXPECT_EQ(total.responses_3xx, 4u);
  EXPECT_EQ(total.responses_4xx, 8u);
  EXPECT_EQ(total.responses_5xx, 16u);
  EXPECT_EQ(total.responses_other, 33u);
}

TEST(TopView, VendorsHaveConnectionsTunnelsAndHeldBytes) {
  auto now = SnapshotAt(1);
  v1::VendorTotal* vendor = now.add_vendors();
  vendor->set_vendor("acme");
  vendor->mutable_counters()->set_connections_ok(5);
  vendor->mutable_counters()->set_connections_refused(4);
  vendor->mutable_counters()->set_connections_timed_out(3);
  vendor->mutable_counters()->set_connections_failed(2);
  vendor->mutable_counters()->set_connections_abandoned(1);
  vendor->mutable_counters()->set_held_sent_bytes(100);
  vendor->mutable_counters()->set_released_sent_bytes(60);
  vendor->mutable_counters()->set_released_received_bytes(1);
  const auto tunnel = [&now](v1::Protocol protocol, std::uint32_t code,
                             std::uint64_t replies) {
    v1::TunnelTotal* total = now.add_tunnels();
    total->set_vendor("acme");
    total->set_protocol(protocol);
    total->set_code(code);
    total->set_replies(replies);
  };
  tunnel(v1::PROTOCOL_CONNECT, 407, 1);
  tunnel(v1::PROTOCOL_CONNECT, 200, 10);
  tunnel(v1::PROTOCOL_SOCKS4, 90, 100);
  tunnel(v1::PROTOCOL_SOCKS4, 91, 2);
  tunnel(v1::PROTOCOL_SOCKS5, 0, 1000);
  tunnel(v1::PROTOCOL_SOCKS5, 5, 4);
  const View view = MakeView(now, nullptr, {});
  ASSERT_EQ(view.vendors.size(), 1u);
  const VendorRow& row = view.vendors[0];
  EXPECT_EQ(row.connections_ok, 5u);
  EXPECT_EQ(row.connections_refused, 4u);
  EXPECT_EQ(row.connections_timed_out, 3u);
  EXPECT_EQ(row.connections_failed, 2u);
  EXPECT_EQ(row.connections_abandoned, 1u);
  EXPECT_EQ(row.held_sent_bytes, 40u);
  EXPECT_EQ(row.held_received_bytes, 0u);
  EXPECT_EQ(row.tunnels_opened, 1110u);
  EXPECT_EQ(row.tunnels_refused, 7u);
  ASSERT_EQ(view.tunnels.size(), 6u);
  EXPECT_EQ(view.tunnels[0].code, 200u);
}

TEST(TopView, VendorsAreThereThatTheKernelAloneKnows) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "reported", "x", 1, 10, 20);
  AddKernel(now, "unheard", 5, 5, 0, 0)->set_connections_failed(3);
  const View view = MakeView(now, nullptr, {.sort = SortKey::kVendor});
  ASSERT_EQ(view.vendors.size(), 2u);
  EXPECT_EQ(view.vendors[0].coverage.ratio(), std::nullopt);
  EXPECT_EQ(view.vendors[1].vendor, "unheard");
  EXPECT_EQ(view.vendors[1].coverage.ratio(), 0);
}

}  // namespace
}  // namespace proxymeter::cli
