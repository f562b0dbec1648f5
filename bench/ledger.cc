// Commits: what changed in the accounts, to a file.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>

#include "bench/crowd.h"
#include "collector/accounts/sessions.h"
#include "collector/ledger/ledger_keeper.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::bench {
namespace {

using collector::LedgerKeeper;
using collector::Sessions;
using collector::TestDirectory;

constexpr std::uint32_t kRowsOfSession = 100;
constexpr char kParent[] = "/dev/shm";  // a tmpfs, as DIR is

// The accounts of a collector with its ledger, which commits when told.
class Accounts {
 public:
  explicit Accounts(std::int64_t rows)
      : crowd_{.sessions = static_cast<std::uint32_t>(rows) / kRowsOfSession,
               .rows = kRowsOfSession} {
    keeper_ = *LedgerKeeper::Start(directory_.path() + "/ledger.db",
                                   /*now_unix_ns=*/1, sessions_,
                                   std::chrono::hours(1));
  }

  // Raises every row of every session.
  void Crawl() {
    for (std::uint32_t i = 0; i < crowd_.sessions; ++i) {
      sessions_.ApplyFrame(crowd_.Decoded(i, generation_));
    }
    ++generation_;
  }
  absl::Status Commit() { return keeper_->Commit(); }

 private:
  const TestDirectory directory_{kParent};
  const Crowd crowd_;
  Sessions sessions_;
  std::unique_ptr<LedgerKeeper> keeper_;
  std::uint64_t generation_ = 0;
};

// So many rows of sessions changed, and as many totals.
void CommitChanged(benchmark::State& state) {
  Accounts accounts(state.range(0));
  accounts.Crawl();
  if (!accounts.Commit().ok()) state.SkipWithError("not committed");
  for (auto _ : state) {
    state.PauseTiming();
    accounts.Crawl();
    state.ResumeTiming();
    if (!accounts.Commit().ok()) state.SkipWithError("not committed");
  }
}

// The same, and none of them was there before.
void CommitNew(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto accounts = std::make_unique<Accounts>(state.range(0));
    accounts->Crawl();
    state.ResumeTiming();
    if (!accounts->Commit().ok()) state.SkipWithError("not committed");
    state.PauseTiming();
    accounts.reset();
    state.ResumeTiming();
  }
}

BENCHMARK(CommitChanged)
    ->ArgName("rows")
    ->Arg(100)  // smoke
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(CommitNew)
    ->ArgName("rows")
    ->Arg(100)  // smoke
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace proxymeter::bench

BENCHMARK_MAIN();
