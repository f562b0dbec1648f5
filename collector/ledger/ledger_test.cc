#include "collector/ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kNow = 1'700'000'000'000'000'000;
const SessionId kOne = TestSession(1);
const SessionId kTwo = TestSession(2);

class LedgerTest : public testing::Test {
 protected:
  std::string Path() const { return temp_.path() + "/ledger.db"; }
  Ledger OpenOrDie(std::uint64_t now = kNow) const {
    auto ledger = Ledger::Open(Path(), now);
    EXPECT_TRUE(ledger.ok()) << ledger.status();
    return *std::move(ledger);
  }
  AccountsState Reloaded() const { return *OpenOrDie().Load(); }

 private:
  TestDirectory temp_;
};

AccountsState SomeState() {
  AccountsState state;
  state.totals = {{1, TrafficRow("acme", "a.example", 10, 20, 1)},
                  {5, VendorRow("acme", 3, 100, 40)}};
  RowValue& row = state.totals[0].row;
  // More than SQLite's signed integers hold.
  row.counters[kReceivedBytes] = std::numeric_limits<std::uint64_t>::max();
  row.key.protocol = Protocol::kHttps1;
  row.key.visibility = Visibility::kPlaintext;
  state.folded = {{"acme", 3, row.counters}, {"zeta", 1, {}}};
  state.costs = {{2,
                  {{"acme", "", "USD"}, ~CostUnits{0} - 1},
                  0,
                  {.sent = 3, .received = ~std::uint64_t{0}}},
                 {7, {{"acme", "a.example", "USD"}, 5}}};
  state.sessions = {{kOne, true, 0xfffffffe, 1},
                    {kTwo, false, std::nullopt, 2}};
  // Neighbours in the ledger.
  state.rows = {
      {kOne,
       {kMaxJournalRows - 1, TrafficRow("acme", "a.example", 4, 5, 6)},
       1},
      {kTwo, {0, TrafficRow("acme", "a.example", 6, 15, 1)}, 2}};
  state.workload.frames = 11;
  state.workload.sessions = 2;
  state.workload.journals_read = 5;
  state.workload.overflowed = 9;
  state.workload.rejected[3] = 4;
  return state;
}

TEST_F(LedgerTest, GivesBackWhatItWasGiven) {
  AccountsState state = SomeState();
  ASSERT_TRUE(OpenOrDie().Write(state).ok());
  for (TotalRow& total : state.totals) total.in_ledger = true;
  for (SessionRow& row : state.rows) row.in_ledger = true;
  const AccountsState loaded = Reloaded();
  EXPECT_THAT(loaded.totals,
              UnorderedElementsAre(state.totals[0], state.totals[1]));
  EXPECT_THAT(loaded.sessions,
              UnorderedElementsAre(state.sessions[0], state.sessions[1]));
  EXPECT_THAT(loaded.folded,
              UnorderedElementsAre(state.folded[0], state.folded[1]));
  EXPECT_THAT(loaded.rows, UnorderedElementsAre(state.rows[0], state.rows[1]));
  for (CostRow& cost : state.costs) {
    cost.written = cost.value.cost;
    cost.in_ledger = true;
  }
  EXPECT_THAT(loaded.costs,
              UnorderedElementsAre(state.costs[0], state.costs[1]));
  EXPECT_EQ(loaded.workload, state.workload);
}

TEST_F(LedgerTest, CostsAreOverwrittenAndDropped) {
  AccountsState state = SomeState();
  ASSERT_TRUE(OpenOrDie().Write(state).ok());
  AccountsState changes;
  changes.dropped_costs = {7};
  changes.costs = {state.costs[0]};
  changes.costs[0].value.cost = 77;
  changes.costs[0].in_ledger = true;
  // A hint that is wrong.
  changes.costs.push_back({9, {{"zeta", "", "EUR"}, 8}});
  changes.costs[1].in_ledger = true;
  ASSERT_TRUE(OpenOrDie().Write(changes).ok());
  std::vector<CostValue> loaded;
  for (const CostRow& row : Reloaded().costs) loaded.push_back(row.value);
  EXPECT_THAT(loaded, UnorderedElementsAre(CostValue{{"acme", "", "USD"}, 77},
                                           CostValue{{"zeta", "", "EUR"}, 8}));
}

TEST_F(LedgerTest, OneWithoutCostsIsTakenUp) {
  AccountsState state = SomeState();
  state.costs.clear();
  ASSERT_TRUE(OpenOrDie().Write(state).ok());
  ASSERT_TRUE(Database::Open(Path())->Execute("DROP TABLE cost").ok());
  const AccountsState loaded = Reloaded();
  EXPECT_EQ(loaded.totals.size(), 2u);
  EXPECT_TRUE(loaded.costs.empty());
}

TEST_F(LedgerTest, ACostThatIsNoAmountIsDamage) {
  ASSERT_TRUE(OpenOrDie().Write(SomeState()).ok());
  ASSERT_TRUE(Database::Open(Path())
                  ->Execute("UPDATE cost SET amount = x'00' WHERE number = 7")
                  .ok());
  EXPECT_EQ(OpenOrDie().Load().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LedgerTest, TotalsKeepTheirBeginning) {
  EXPECT_EQ(OpenOrDie(kNow).since_unix_ns(), kNow);
  EXPECT_EQ(OpenOrDie(kNow + 1).since_unix_ns(), kNow);
}

TEST_F(LedgerTest, WritingAgainChangesNothing) {
  Ledger ledger = OpenOrDie();
  const AccountsState state = SomeState();
  ASSERT_TRUE(ledger.Write(state).ok());
  ASSERT_TRUE(ledger.Write(state).ok());
  EXPECT_EQ(ledger.Load()->totals.size(), 2u);
  EXPECT_EQ(ledger.Load()->rows.size(), 2u);
}

TEST_F(LedgerTest, CountersAreOverwrittenWhereTheyAre) {
  Ledger ledger = OpenOrDie();
  AccountsState state = SomeState();
  ASSERT_TRUE(ledger.Write(state).ok());
  for (TotalRow& total : state.totals) {
    total.in_ledger = true;
    total.row.counters[0] += 100;
  }
  for (SessionRow& row : state.rows) {
    row.in_ledger = true;
    row.row.row.counters[1] += 200;
  }
  ASSERT_TRUE(ledger.Write(state).ok());
  AccountsState loaded = *ledger.Load();
  EXPECT_EQ(loaded.totals, state.totals);
  EXPECT_EQ(loaded.rows, state.rows);
}

TEST_F(LedgerTest, WhatShouldBeThereAndIsNotIsWrittenWhole) {
  Ledger ledger = OpenOrDie();
  AccountsState state = SomeState();
  state.totals[0].in_ledger = state.rows[1].in_ledger = true;
  ASSERT_TRUE(ledger.Write(state).ok());
  // Of another size, as another version might have it.
  const RowValue tunnel{.key = {.kind = RowKind::kTunnel,
                                .vendor = "acme",
                                .protocol = Protocol::kConnect,
                                .code = 200},
                        .counters = {7}};
  state.totals[1] = {5, tunnel, /*in_ledger=*/true};
  ASSERT_TRUE(ledger.Write(state).ok());
  AccountsState loaded = *ledger.Load();
  EXPECT_EQ(loaded.totals.size(), 2u);
  EXPECT_EQ(loaded.totals[0].row, state.totals[0].row);
  EXPECT_EQ(loaded.totals[1].row, tunnel);
  EXPECT_EQ(loaded.rows.size(), 2u);
  EXPECT_EQ(loaded.rows[1].row, state.rows[1].row);
}

TEST_F(LedgerTest, DroppedTotalsGo) {
  Ledger ledger = OpenOrDie();
  AccountsState state = SomeState();
  ASSERT_TRUE(ledger.Write(state).ok());
  AccountsState fold;
  fold.dropped = {1, 5, 99};
  fold.totals = {{6, state.totals[1].row}};  // back again
  ASSERT_TRUE(ledger.Write(fold).ok());
  const AccountsState loaded = *ledger.Load();
  ASSERT_EQ(loaded.totals.size(), 1u);
  EXPECT_EQ(loaded.totals[0].row, state.totals[1].row);
  EXPECT_EQ(loaded.totals[0].number, 6u);
}

TEST_F(LedgerTest, RetiredSessionsLeaveTheirNameOnly) {
  Ledger ledger = OpenOrDie();
  ASSERT_TRUE(ledger.Write(SomeState()).ok());
  AccountsState end;
  end.retired = {{kTwo, 2}};
  ASSERT_TRUE(ledger.Write(end).ok());
  AccountsState loaded = *ledger.Load();
  ASSERT_EQ(loaded.sessions.size(), 1u);
  EXPECT_EQ(loaded.sessions[0].id, kOne);
  ASSERT_EQ(loaded.rows.size(), 1u);
  EXPECT_EQ(loaded.rows[0].session, kOne);
  end.retired = {{kOne, 1}, {TestSession(3), 0}};
  ASSERT_TRUE(ledger.Write(end).ok());
  loaded = *ledger.Load();
  EXPECT_TRUE(loaded.sessions.empty());
  EXPECT_TRUE(loaded.rows.empty());
  EXPECT_THAT(loaded.retired,
              ElementsAre(RetiredSession{kTwo}, RetiredSession{kOne},
                          RetiredSession{TestSession(3)}));
  AccountsState forget;
  forget.forgotten = {kTwo};
  ASSERT_TRUE(ledger.Write(forget).ok());
  EXPECT_THAT(
      ledger.Load()->retired,
      ElementsAre(RetiredSession{kOne}, RetiredSession{TestSession(3)}));
}

TEST_F(LedgerTest, ADamagedFileIsSetAside) {
  ASSERT_TRUE(OpenOrDie().Write(SomeState()).ok());
  std::ofstream(Path()) << std::string(10000, 'x');
  Ledger ledger = OpenOrDie(kNow + 5);
  EXPECT_EQ(ledger.since_unix_ns(), kNow + 5);
  const std::string aside = Path() + ".damaged-" + std::to_string(kNow + 5);
  EXPECT_EQ(std::filesystem::file_size(aside), 10000u);
  EXPECT_TRUE(ledger.Load()->totals.empty());
}

TEST_F(LedgerTest, ACutFileIsSetAsideToo) {
  AccountsState state;
  for (int i = 0; i < 1000; ++i) {
    state.totals.push_back(
        {static_cast<LedgerNumber>(i + 1),
         TrafficRow("acme", "host" + std::to_string(i) + ".example", 1, 1, 1)});
  }
  { ASSERT_TRUE(OpenOrDie().Write(state).ok()); }
  std::filesystem::resize_file(Path(), std::filesystem::file_size(Path()) / 2);
  const Ledger ledger = OpenOrDie(kNow + 5);
  EXPECT_EQ(ledger.since_unix_ns(), kNow + 5);
}

TEST_F(LedgerTest, AnotherLayoutIsSetAsideAsItIs) {
  ASSERT_TRUE(OpenOrDie().Write(SomeState()).ok());
  const auto set_version = [](const std::string& path, std::int64_t version) {
    const std::string sql = "PRAGMA user_version = " + std::to_string(version);
    ASSERT_TRUE(Database::Open(path)->Execute(sql.c_str()).ok());
  };
  set_version(Path(), kLedgerVersion + 1);
  std::uint64_t set_aside = 0;
  {
    auto ledger = Ledger::Open(Path(), kNow + 5, &set_aside);
    ASSERT_TRUE(ledger.ok()) << ledger.status();
    EXPECT_TRUE(ledger->Load()->totals.empty());
  }
  EXPECT_EQ(set_aside, 1u);
  // Whoever knows its layout finds all of it.
  const std::string aside =
      Path() + ".other-layout-" + std::to_string(kNow + 5);
  set_version(aside, kLedgerVersion);
  auto old = Ledger::Open(aside, kNow + 6, &set_aside);
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(old->Load()->totals.size(), SomeState().totals.size());
  EXPECT_EQ(set_aside, 1u);
}

TEST_F(LedgerTest, NothingThereAndNoWayToWriteIsNotFound) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const absl::Status status = Ledger::Open(Path(), kNow).status();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(status.message(), HasSubstr(Path()));
  EXPECT_EQ(OpenOrDie().since_unix_ns(), kNow);
}

TEST_F(LedgerTest, AnotherProgramsFileIsRefused) {
  const std::string other = Path() + ".other";
  {
    auto database = Database::Open(other);
    ASSERT_TRUE(database->Execute("CREATE TABLE mine (i)").ok());
  }
  const absl::Status status = Ledger::Open(other, kNow).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("another program"));
}

TEST_F(LedgerTest, IsOpenInOnePlace) {
  const Ledger ledger = OpenOrDie();
  EXPECT_EQ(Ledger::Open(Path(), kNow).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(LedgerTest, AnImpossiblePathIsNamed) {
  const auto ledger = Ledger::Open(Path() + "/below/a/file", kNow);
  EXPECT_THAT(ledger.status().message(), HasSubstr(Path() + "/below"));
  EXPECT_EQ(ledger.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace proxymeter::collector
