#include "collector/ledger/ledger_keeper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

constexpr auto kNever = std::chrono::hours(1);
const SessionId kOne = TestSession(1);

DecodedFrame Frame(const SessionId& id, std::uint64_t bytes,
                   bool has_journal = false) {
  DecodedFrame frame;
  frame.session = id;
  frame.process.has_journal = has_journal;
  frame.rows = {{0, TrafficRow("acme", "a.example", bytes, 2 * bytes, 1)}};
  return frame;
}

// Every write to a file fails, as on a file system without room.
class NothingIsWritten {
 public:
  NothingIsWritten() : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  NothingIsWritten(const NothingIsWritten&) = delete;
  NothingIsWritten& operator=(const NothingIsWritten&) = delete;
  ~NothingIsWritten() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0);
    signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

// One life of a collector.
struct Life {
  Life(const std::string& path, std::chrono::milliseconds period = kNever) {
    auto started =
        LedgerKeeper::Start(path, /*now_unix_ns=*/1, sessions, period);
    EXPECT_TRUE(started.ok()) << started.status();
    keeper = *std::move(started);
  }
  std::uint64_t Sent() const {
    std::uint64_t sent = 0;
    for (const RowValue& row : sessions.Snapshot().rows) {
      if (row.key.kind == RowKind::kTraffic) sent += row.counters[kSentBytes];
    }
    return sent;
  }

  Sessions sessions;
  std::unique_ptr<LedgerKeeper> keeper;
};

class LedgerKeeperTest : public testing::Test {
 protected:
  std::string Path() const { return temp_.path() + "/ledger.db"; }

 private:
  TestDirectory temp_;
};

TEST_F(LedgerKeeperTest, TheNextLifeContinuesOpenSessions) {
  {
    Life life(Path());
    life.sessions.ApplyFrame(Frame(kOne, 100));
  }
  Life life(Path());
  EXPECT_EQ(life.Sent(), 100u);
  EXPECT_EQ(life.sessions.Snapshot().open_sessions, 1u);
  EXPECT_EQ(life.sessions.ApplyFrame(Frame(kOne, 100)), std::nullopt);
  EXPECT_EQ(life.Sent(), 100u);
  life.sessions.ApplyFrame(Frame(kOne, 130));
  EXPECT_EQ(life.Sent(), 130u);
  EXPECT_EQ(life.sessions.Snapshot().workload.frames, 3u);
}

TEST_F(LedgerKeeperTest, AClosedSessionStaysClosed) {
  {
    Life life(Path());
    life.sessions.ApplyFrame(Frame(kOne, 100));
    life.sessions.Finish(kOne);
    EXPECT_TRUE(life.sessions.AwaitsCommit(kOne));
    ASSERT_TRUE(life.keeper->Commit().ok());
    EXPECT_FALSE(life.sessions.AwaitsCommit(kOne));
  }
  Life life(Path());
  EXPECT_EQ(life.sessions.ApplyFrame(Frame(kOne, 100)),
            Rejection::kUnknownSession);
  EXPECT_EQ(life.Sent(), 100u);
  EXPECT_FALSE(life.sessions.AwaitsCommit(kOne));
}

TEST_F(LedgerKeeperTest, ASenderMayOpenItsSessionAnewAfterARestart) {
  { Life(Path()).sessions.ApplyFrame(Frame(kOne, 100)); }
  Life life(Path());
  EXPECT_EQ(life.sessions.Unheard(), std::vector<SessionId>{kOne});
  EXPECT_EQ(
      life.sessions.ApplyFrame(Frame(kOne, 120), {}, Sessions::Opening::kNew),
      std::nullopt);
  EXPECT_EQ(life.Sent(), 120u);
  EXPECT_TRUE(life.sessions.Unheard().empty());
  EXPECT_EQ(
      life.sessions.ApplyFrame(Frame(kOne, 120), {}, Sessions::Opening::kNew),
      Rejection::kSessionInUse);
}

TEST_F(LedgerKeeperTest, WhatCouldNotBeWrittenIsWrittenLater) {
  Life life(Path());
  life.sessions.ApplyFrame(Frame(kOne, 100));
  const AccountsState taken = life.sessions.TakeChanges();
  EXPECT_EQ(taken.totals.size(), 1u);
  EXPECT_EQ(taken.rows.size(), 1u);
  life.sessions.ApplyFrame(Frame(kOne, 150));
  life.sessions.ApplyFrame(Frame(TestSession(2), 1));
  life.sessions.Finish(TestSession(2));
  life.sessions.PutBack(taken);
  const AccountsState again = life.sessions.TakeChanges();
  EXPECT_EQ(again.totals.size(), 1u);
  EXPECT_EQ(again.totals[0].row.counters[kSentBytes], 151u);
  ASSERT_EQ(again.rows.size(), 1u);
  EXPECT_EQ(again.rows[0].row.row.counters[kSentBytes], 150u);
  EXPECT_FALSE(again.totals[0].in_ledger);
  EXPECT_FALSE(again.rows[0].in_ledger);
  EXPECT_EQ(again.sessions,
            (std::vector<SessionHead>{{kOne, false, std::nullopt, 1}}));
  EXPECT_EQ(again.retired, (std::vector<RetiredSession>{{TestSession(2), 2}}));
  EXPECT_TRUE(life.sessions.TakeChanges().totals.empty());
}

TEST_F(LedgerKeeperTest, ASnapshotIsWhatIsWritten) {
  {
    Life life(Path());
    life.sessions.ApplyFrame(Frame(kOne, 100));
    const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
    EXPECT_EQ(snapshot.accounts.rows[0].counters[kSentBytes], 100u);
    EXPECT_EQ(snapshot.ledger.commits, 1u);
    // Nothing new: no transaction.
    EXPECT_EQ(life.keeper->CommittedSnapshot().ledger.commits, 1u);
  }
  EXPECT_EQ(Life(Path()).Sent(), 100u);
}

TEST_F(LedgerKeeperTest, WhatNobodyWouldTellAgainIsNotShownUnwritten) {
  Life life(Path());
  life.sessions.ApplyFrame(Frame(kOne, 100));
  ASSERT_TRUE(life.keeper->Commit().ok());
  {
    const NothingIsWritten fault;
    life.sessions.ApplyFrame(Frame(kOne, 130));
    life.sessions.ApplyFrame(Frame(TestSession(2), 1000, true));
    for (int i = 0; i < 2; ++i) {  // also what was put back already
      const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
      EXPECT_TRUE(snapshot.ledger.degraded);
      EXPECT_EQ(snapshot.accounts.rows[0].counters[kSentBytes], 1100u);
      EXPECT_EQ(snapshot.accounts.workload.frames, 1u);
    }
  }
  const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
  EXPECT_FALSE(snapshot.ledger.degraded);
  EXPECT_EQ(snapshot.ledger.failures, 2u);
  EXPECT_EQ(snapshot.accounts.rows[0].counters[kSentBytes], 1130u);
  EXPECT_EQ(snapshot.accounts.workload.frames, 3u);
}

// In billionths; one byte of acme's costs one by the first price.
std::uint64_t CostOf(const AccountsSnapshot& accounts,
                     const std::string& destination = "") {
  for (const CostValue& cost : accounts.costs) {
    if (cost.key.destination != destination) continue;
    return static_cast<std::uint64_t>(cost.cost / kUnitsPerBillionth);
  }
  return 0;
}
std::vector<VendorTerms> Terms(std::int64_t units_per_gb) {
  return {{"acme",
           Price{.currency = "USD", .per_gb = units_per_gb * 1'000'000'000}}};
}

TEST_F(LedgerKeeperTest, CostsGoOnAfterARestartByTheNewPrice) {
  // 3 bytes for each that Frame is told.
  {
    Life life(Path());
    life.sessions.SetTerms(Terms(1));
    life.sessions.ApplyFrame(Frame(kOne, 100));
    life.sessions.ApplyFrame(Frame(TestSession(2), 10));
    ASSERT_TRUE(life.keeper->Commit().ok());
    life.sessions.ApplyFrame(Frame(kOne, 110));
  }
  Life life(Path());
  EXPECT_EQ(CostOf(life.sessions.Snapshot()), 360u);
  EXPECT_EQ(CostOf(life.sessions.Snapshot(), "a.example"), 360u);
  life.sessions.SetTerms(Terms(2));
  life.sessions.ApplyFrame(Frame(kOne, 110));  // told before
  EXPECT_EQ(CostOf(life.sessions.Snapshot()), 360u);
  life.sessions.ApplyFrame(Frame(kOne, 111));
  const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
  EXPECT_EQ(CostOf(snapshot.accounts), 366u);
  EXPECT_EQ(CostOf(snapshot.accounts, "a.example"), 366u);
}

TEST_F(LedgerKeeperTest, HandshakesStillToBeTakenOffSurviveARestart) {
  std::vector<VendorTerms> terms = Terms(1);
  terms[0].price->bytes = Price::Bytes::kPayload;
  {
    Life life(Path());
    life.sessions.SetTerms(terms);
    DecodedFrame frame = Frame(TestSession(2), 0);
    frame.rows[0].row = VendorRow("acme", 1, 0, 0);
    frame.rows[0].row.counters[kHandshakeSentBytes] = 60;
    life.sessions.ApplyFrame(frame);
  }
  Life life(Path());
  life.sessions.SetTerms(terms);
  life.sessions.ApplyFrame(Frame(kOne, 100));
  EXPECT_EQ(CostOf(life.sessions.Snapshot()), 40u + 200u);
}

TEST_F(LedgerKeeperTest, CostsStandStillWhileNothingIsWritten) {
  Life life(Path());
  life.sessions.SetTerms(Terms(1));
  life.sessions.ApplyFrame(Frame(kOne, 100, true));
  ASSERT_TRUE(life.keeper->Commit().ok());
  {
    const NothingIsWritten fault;
    // The journal would tell it again, perhaps when it costs less.
    life.sessions.ApplyFrame(Frame(kOne, 110, true));
    DecodedFrame other = Frame(TestSession(2), 5, true);
    other.rows[0].row.key.destination = "b.example";
    life.sessions.ApplyFrame(other);
    for (int i = 0; i < 2; ++i) {
      const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
      EXPECT_EQ(CostOf(snapshot.accounts), 300u);
      EXPECT_EQ(snapshot.accounts.costs.size(), 2u);
    }
  }
  const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
  EXPECT_EQ(CostOf(snapshot.accounts), 345u);
  EXPECT_EQ(CostOf(snapshot.accounts, "b.example"), 15u);
}

TEST_F(LedgerKeeperTest, CostsOfFoldedDestinationsAreGoneFromTheLedgerToo) {
  using namespace std::chrono_literals;
  SessionLimits limits;
  limits.fold_idle = 1h;
  {
    Sessions sessions(limits);
    auto keeper = LedgerKeeper::Start(Path(), 1, sessions, kNever);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    sessions.SetTerms(Terms(1));
    sessions.ApplyFrame(Frame(kOne, 100));
    ASSERT_TRUE((*keeper)->Commit().ok());
    const auto start = std::chrono::steady_clock::now();
    sessions.FoldIdle(start);
    sessions.FoldIdle(start + 2h);
  }
  Life life(Path());
  const std::vector<CostValue> costs = life.sessions.Snapshot().costs;
  ASSERT_EQ(costs.size(), 1u);
  EXPECT_EQ(CostOf(life.sessions.Snapshot()), 300u);
}

TEST_F(LedgerKeeperTest, ASeriesThatIsNotWrittenAtAllIsNotShown) {
  Life life(Path());
  const NothingIsWritten fault;
  life.sessions.ApplyFrame(Frame(kOne, 100));
  EXPECT_TRUE(life.keeper->CommittedSnapshot().accounts.rows.empty());
}

TEST_F(LedgerKeeperTest, BeginsWithoutALedgerAndMakesOneLater) {
  {
    std::optional<NothingIsWritten> fault(std::in_place);
    Life life(Path());
    EXPECT_FALSE(life.sessions.awaits_ledger());
    life.sessions.ApplyFrame(Frame(kOne, 100));
    life.sessions.ApplyFrame(Frame(TestSession(2), 7, true));
    EXPECT_FALSE(life.keeper->Commit().ok());
    EXPECT_EQ(
        life.keeper->CommittedSnapshot().accounts.rows[0].counters[kSentBytes],
        7u);
    fault.reset();
    EXPECT_TRUE(life.keeper->Commit().ok());
    EXPECT_FALSE(life.keeper->CommittedSnapshot().ledger.degraded);
  }
  Life life(Path());
  EXPECT_EQ(life.Sent(), 107u);
  EXPECT_EQ(life.sessions.Snapshot().since_unix_ns, 1u);
}

TEST_F(LedgerKeeperTest, ALedgerOutOfReachIsWaitedForAndMissesNothing) {
  constexpr Owner kOther = 1000;
  {
    Life life(Path());
    life.sessions.ApplyFrame(Frame(kOne, 100));
    life.sessions.ApplyFrame(Frame(TestSession(2), 10));
    life.sessions.ApplyFrame(Frame(TestSession(3), 10), kOther);
  }
  std::optional<Database> other = *Database::Open(Path());
  ASSERT_TRUE(other->Execute("BEGIN EXCLUSIVE").ok());
  {
    Life life(Path());
    EXPECT_TRUE(life.sessions.awaits_ledger());
    life.sessions.ApplyFrame(Frame(kOne, 150));
    life.sessions.ApplyFrame(Frame(kOne, 160));
    life.sessions.ApplyFrame(Frame(TestSession(3), 99));  // not its owner
    life.sessions.ApplyFrame(Frame(TestSession(4), 1000));
    life.sessions.Finish(TestSession(4));
    EXPECT_EQ(life.sessions.ApplyFrame(Frame(TestSession(4), 1001)),
              Rejection::kUnknownSession);
    // Its journal will tell.
    life.sessions.ApplyFrame(Frame(TestSession(5), 5, true));
    const KeptSnapshot snapshot = life.keeper->CommittedSnapshot();
    EXPECT_FALSE(snapshot.accounts.known);
    EXPECT_TRUE(snapshot.accounts.rows.empty());
    EXPECT_TRUE(snapshot.ledger.degraded);
    EXPECT_FALSE(life.keeper->Commit().ok());

    other.reset();
    EXPECT_TRUE(life.keeper->Commit().ok());
    EXPECT_TRUE(life.keeper->CommittedSnapshot().accounts.known);
    EXPECT_EQ(life.Sent(), 160u + 10u + 10u + 1000u);
    EXPECT_TRUE(life.sessions.IsRetired(TestSession(4)));
    life.sessions.ApplyFrame(Frame(kOne, 170));
  }
  Life life(Path());
  EXPECT_EQ(life.Sent(), 170u + 10u + 10u + 1000u);
  const Workload workload = life.sessions.Snapshot().workload;
  EXPECT_EQ(workload.frames, 3u + 5u + 1u);
  EXPECT_EQ(workload.sessions, 4u);
  EXPECT_EQ(workload.rejected[static_cast<std::size_t>(Rejection::kWrongOwner)],
            1u);
}

TEST_F(LedgerKeeperTest, DamageThatOnlyReadingShowsIsSetAside) {
  {
    Life life(Path());
    life.sessions.ApplyFrame(Frame(kOne, 100));
  }
  ASSERT_TRUE(
      Database::Open(Path())->Execute("UPDATE session SET id = x'00'").ok());
  Life life(Path());
  EXPECT_EQ(life.keeper->CommittedSnapshot().ledger.set_aside, 1u);
  EXPECT_EQ(life.Sent(), 0u);
  life.sessions.ApplyFrame(Frame(kOne, 100));
  EXPECT_TRUE(life.keeper->Commit().ok());
}

TEST_F(LedgerKeeperTest, CommitsByItself) {
  Life life(Path(), std::chrono::milliseconds(1));
  life.sessions.ApplyFrame(Frame(kOne, 100));
  life.sessions.Finish(kOne);
  EXPECT_TRUE(WaitFor([&] { return !life.sessions.AwaitsCommit(kOne); }));
}

TEST_F(LedgerKeeperTest, ManyThreadsAndCommitsLoseNothing) {
  constexpr int kThreads = 3;
  constexpr std::uint64_t kFrames = 300;
  {
    Life life(Path(), std::chrono::milliseconds(1));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&life, t] {
        for (std::uint64_t i = 1; i <= kFrames; ++i) {
          const auto session = TestSession(
              static_cast<std::uint8_t>(t * 100 + static_cast<int>(i / 100)));
          life.sessions.ApplyFrame(Frame(session, i % 100));
          if (i % 100 == 99) life.sessions.Finish(session);
          if (i % 64 == 0) life.keeper->CommittedSnapshot();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(Life(Path()).Sent(), kThreads * 3u * 99u);
}

}  // namespace
}  // namespace proxymeter::collector
