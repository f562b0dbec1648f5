#include "collector/web/messages.h"

#include <gtest/gtest.h>

#include "collector/testing/journal_fixture.h"
#include "collector/web/figures_keeper.h"

namespace proxymeter::collector {
namespace {

using std::chrono::steady_clock;

CostUnits Whole(std::uint64_t amount) {
  return CostUnits{kUnitsPerBillionth} * 1'000'000'000 * amount;
}

RowValue Row(RowKey key, std::uint64_t first) {
  RowValue row{.key = std::move(key)};
  row.counters[0] = first;
  return row;
}

class MessagesTest : public testing::Test {
 protected:
  void SetUp() override {
    RowValue inferred = TrafficRow("a", "x.example", 1, 2, 4);
    inferred.key.visibility = Visibility::kInferred;
    inferred.key.protocol = Protocol::kTls;
    RowValue kernel = TrafficRow("b", "_unknown", 1000, 2000, 0);
    kernel.key.visibility = Visibility::kKernel;
    view_.accounts.since_unix_ns = 7;
    view_.accounts.rows = {
        TrafficRow("a", "x.example", 10, 20, 3),
        inferred,
        TrafficRow("a", "Y.example", 100, 200, 30),
        kernel,
        VendorRow("a", 9, 0, 0),
        Row({.kind = RowKind::kProxyError, .vendor = "a", .code = 7}, 5),
        Row({.kind = RowKind::kProxyError, .vendor = "a", .code = 8}, 6),
        Row({.kind = kKernelRow, .vendor = "b"}, 77),
        Row({.kind = RowKind::kShim}, 2)};
    view_.accounts.costs = {{{"a", "", "EUR"}, Whole(2)},
                            {{"a", "x.example", "EUR"}, Whole(1)}};
    RowValue folded = TrafficRow("a", "", 5, 6, 7);
    view_.accounts.folded = {{"a", 3, folded.counters}};
  }

  Figures Make(const Baseline* base = nullptr, int seconds = 0) const {
    return Figures(view_,
                   {.unix_ns = 99,
                    .steady = steady_clock::time_point(
                        std::chrono::seconds(1000 + seconds))},
                   base);
  }

  Metrics::View view_;
};

TEST_F(MessagesTest, VendorsAreSumsOfAllTheirRows) {
  const Figures figures = Make();
  const v1::VendorsResponse message = VendorsMessage(figures);
  EXPECT_EQ(message.unix_ns(), 99u);
  EXPECT_EQ(message.since_unix_ns(), 7u);
  EXPECT_TRUE(message.known());
  EXPECT_FALSE(message.has_rate_seconds());
  ASSERT_EQ(message.vendors_size(), 2);
  const v1::VendorFigures& b = message.vendors(0);  // more bytes
  EXPECT_EQ(b.vendor(), "b");
  EXPECT_EQ(b.kernel_only_sent_bytes(), 1000u);
  EXPECT_EQ(b.kernel_only_received_bytes(), 2000u);
  EXPECT_EQ(b.kernel().sent_bytes(), 77u);
  const v1::VendorFigures& a = message.vendors(1);
  EXPECT_EQ(a.vendor(), "a");
  EXPECT_EQ(a.counters().sent_bytes(), 10u + 1 + 100 + 5);
  EXPECT_EQ(a.counters().received_bytes(), 20u + 2 + 200 + 6);
  EXPECT_EQ(a.counters().requests(), 3u + 4 + 30 + 7);
  EXPECT_EQ(a.inferred_requests(), 4u);
  EXPECT_EQ(a.destinations(), 2u);  // `_folded` is none
  EXPECT_EQ(a.connections().connections_ok(), 9u);
  EXPECT_EQ(a.proxy_errors(), 11u);
  ASSERT_EQ(a.errors_size(), 2);
  EXPECT_EQ(a.errors(0).reason(), "rate_limited");
  EXPECT_EQ(a.errors(0).errors(), 5u);
  EXPECT_FALSE(a.has_kernel());
  EXPECT_FALSE(a.has_rates());
  ASSERT_EQ(a.costs_size(), 1);
  EXPECT_EQ(a.costs(0).currency(), "EUR");
  EXPECT_EQ(a.costs(0).amount(), 2);
  EXPECT_FALSE(a.costs(0).has_per_hour());
}

TEST_F(MessagesTest, RatesAreGrowthSinceTheBaseline) {
  const Baseline base = Make().AsBaseline();
  view_.accounts.rows[0].counters[kRequests] += 20;
  view_.accounts.rows[0].counters[kReceivedBytes] += 1000;
  view_.accounts.rows[5].counters[0] += 5;
  view_.accounts.costs[0].cost += Whole(1);
  view_.accounts.rows.push_back(TrafficRow("new", "z.example", 0, 0, 10));
  const Figures figures = Make(&base, 10);
  const v1::VendorsResponse vendors = VendorsMessage(figures);
  EXPECT_EQ(vendors.rate_seconds(), 10);
  const v1::VendorFigures& a = vendors.vendors(1);
  EXPECT_EQ(a.vendor(), "a");
  EXPECT_EQ(a.rates().requests(), 2);
  EXPECT_EQ(a.rates().received_bytes(), 100);
  EXPECT_EQ(a.rates().sent_bytes(), 0);
  EXPECT_EQ(a.rates().proxy_errors(), 0.5);
  EXPECT_EQ(a.costs(0).per_hour(), 360);
  EXPECT_EQ(vendors.vendors(2).rates().requests(), 1);
  const v1::DestinationsResponse destinations =
      DestinationsMessage(figures, {.search = "x.EX"});
  ASSERT_EQ(destinations.destinations_size(), 1);
  EXPECT_EQ(destinations.destinations(0).rates().requests(), 2);
}

TEST_F(MessagesTest, WithoutAComparableBaselineThereAreNoRates) {
  Baseline base = Make().AsBaseline();
  EXPECT_FALSE(Make(&base, 0).rate_seconds().has_value());
  EXPECT_TRUE(Make(&base, 45).rate_seconds().has_value());
  EXPECT_FALSE(Make(&base, 46).rate_seconds().has_value());
  // One counter that has fallen has no rate, others do.
  view_.accounts.rows[0].counters[kSentBytes] -= 1;
  const Figures fallen = Make(&base, 10);
  EXPECT_FALSE(fallen.destinations()[0].growth.has_value());
  EXPECT_TRUE(fallen.destinations()[1].growth.has_value());
  base.since_unix_ns = 8;
  EXPECT_FALSE(Make(&base, 10).rate_seconds().has_value());
}

TEST_F(MessagesTest, DestinationsAreSumsOfTheirParts) {
  const v1::DestinationsResponse message =
      DestinationsMessage(Make(), {.vendor = "a", .search = "x.example"});
  EXPECT_EQ(message.total(), 4u);
  EXPECT_EQ(message.matched(), 1u);
  ASSERT_EQ(message.destinations_size(), 1);
  const v1::DestinationFigures& x = message.destinations(0);
  EXPECT_EQ(x.vendor(), "a");
  EXPECT_EQ(x.counters().requests(), 7u);
  ASSERT_EQ(x.parts_size(), 2);
  EXPECT_EQ(x.parts(0).protocol(), "tls");
  EXPECT_EQ(x.parts(0).visibility(), "inferred");
  EXPECT_EQ(x.parts(0).counters().requests(), 4u);
  EXPECT_EQ(x.parts(1).visibility(), "plaintext");
  EXPECT_EQ(x.parts(1).counters().sent_bytes(), 10u);
  ASSERT_EQ(x.costs_size(), 1);
  EXPECT_EQ(x.costs(0).amount(), 1);
}

TEST_F(MessagesTest, SortsAndPages) {
  const Figures figures = Make();
  const auto names = [&figures](const DestinationQuery& query) {
    std::string told;
    const v1::DestinationsResponse message =
        DestinationsMessage(figures, query);
    for (const v1::DestinationFigures& row : message.destinations()) {
      told += row.vendor() + "/" + row.destination() + " ";
    }
    return told;
  };
  using enum DestinationSort;
  EXPECT_EQ(names({}), "b/_unknown a/Y.example a/x.example a/_folded ");
  EXPECT_EQ(names({.reversed = true}),
            "a/_folded a/x.example a/Y.example b/_unknown ");
  EXPECT_EQ(names({.sort = kRequests}),
            "a/Y.example a/_folded a/x.example b/_unknown ");
  EXPECT_EQ(names({.sort = kSent, .offset = 1, .limit = 2}),
            "a/Y.example a/x.example ");
  EXPECT_EQ(names({.sort = kReceived, .offset = 4}), "");
  EXPECT_EQ(names({.sort = kReceived, .offset = 5000}), "");
  EXPECT_EQ(names({.sort = kDestination}),
            "a/Y.example a/_folded b/_unknown a/x.example ");
  EXPECT_EQ(names({.sort = kDestination, .reversed = true}),
            "a/x.example b/_unknown a/_folded a/Y.example ");
  EXPECT_EQ(names({.sort = kVendor, .reversed = true, .limit = 1}),
            "b/_unknown ");
  // What has none stands last, whichever way; ties by name.
  for (const bool reversed : {false, true}) {
    EXPECT_EQ(names({.sort = kCost, .reversed = reversed}),
              "a/x.example a/Y.example a/_folded b/_unknown ");
    EXPECT_EQ(names({.sort = kByteRate, .reversed = reversed}),
              "a/Y.example a/_folded b/_unknown a/x.example ");
  }
}

TEST_F(MessagesTest, TellsTheCollectorsHealth) {
  view_.health = {.ledger_commits = 3, .ledger_failures = 1};
  view_.policy.checksum = 0xab;
  view_.audit.running = true;
  view_.audit.gaps[1] = 4;
  view_.accounts.used = {.sessions = 1, .rows = 11, .journal_bytes = 65536};
  view_.accounts.workload.rejected[4] = 2;
  const v1::StatusResponse message =
      StatusMessage(Make(), {.pod = {"pod", "space"}, .started_unix_ns = 55});
  EXPECT_EQ(message.pod_name(), "pod");
  EXPECT_EQ(message.pod_namespace(), "space");
  EXPECT_EQ(message.started_unix_ns(), 55u);
  EXPECT_FALSE(message.version().empty());
  EXPECT_EQ(message.policy().checksum(), "00000000000000ab");
  EXPECT_EQ(message.ledger().failures(), 1u);
  EXPECT_TRUE(message.audit().wanted());
  EXPECT_EQ(message.audit().gaps(1).name(), "undecided");
  EXPECT_EQ(message.audit().gaps(1).count(), 4u);
  EXPECT_EQ(message.use().session_rows(), 11u);
  EXPECT_EQ(message.use().max_session_rows(), 262144u);
  EXPECT_EQ(message.use().total_rows(), 9u);  // `_folded` is none of them
  ASSERT_EQ(message.rejected_size(), static_cast<int>(kRejections));
  EXPECT_EQ(message.rejected(4).name(), "bad_row");
  EXPECT_EQ(message.rejected(4).count(), 2u);
  EXPECT_EQ(message.desynchronised(0).name(), "http/1.1");
  EXPECT_EQ(message.desynchronised(0).count(), 2u);
  EXPECT_EQ(message.phase_bounds_seconds(0), 0.001);
}

TEST(FiguresKeeper, ReadsOnceForEverybodyAndForgets) {
  int reads = 0;
  Moment now{.unix_ns = 1,
             .steady = steady_clock::time_point(std::chrono::seconds(100))};
  Metrics::View view;
  view.accounts.rows = {TrafficRow("a", "x.example", 0, 0, 0)};
  FiguresKeeper keeper(
      [&] {
        ++reads;
        view.accounts.rows[0].counters[kRequests] += 10;
        return view;
      },
      [&now] { return now; });
  const auto rate = [&keeper] {
    const auto figures = keeper.Current();
    return figures->vendors()[0].growth ? figures->vendors()[0].growth->requests
                                        : -1;
  };
  EXPECT_FALSE(keeper.DropUnused());
  EXPECT_EQ(rate(), -1);
  now.steady += std::chrono::milliseconds(1499);
  EXPECT_EQ(rate(), -1);
  EXPECT_EQ(reads, 1);
  now.steady += std::chrono::milliseconds(501);
  EXPECT_EQ(rate(), 5);  // 10 in 2 s
  EXPECT_EQ(reads, 2);
  // Over 10 to 20 s from then on.
  for (int i = 0; i < 9; ++i) {
    now.steady += std::chrono::seconds(2);
    EXPECT_EQ(rate(), 5);
  }
  EXPECT_EQ(keeper.Current()->rate_seconds(), 20);
  now.steady += std::chrono::seconds(2);
  EXPECT_EQ(keeper.Current()->rate_seconds(), 12);
  now.steady += std::chrono::seconds(29);
  EXPECT_FALSE(keeper.DropUnused());
  now.steady += std::chrono::seconds(1);
  EXPECT_TRUE(keeper.DropUnused());
  EXPECT_FALSE(keeper.DropUnused());
  EXPECT_EQ(rate(), -1);
}

}  // namespace
}  // namespace proxymeter::collector
