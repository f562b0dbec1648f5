#include "collector/ledger/ledger_keeper.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

#include "collector/ledger/commit_points.h"

namespace proxymeter::collector {
namespace {

bool IsEmpty(const AccountsState& changes, const Workload& written) {
  return changes.dropped.empty() && changes.folded.empty() &&
         changes.totals.empty() && changes.sessions.empty() &&
         changes.rows.empty() && changes.retired.empty() &&
         changes.forgotten.empty() && changes.workload == written;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerKeeper>> LedgerKeeper::Start(
    Ledger ledger, Sessions& sessions, std::chrono::milliseconds period) {
  absl::StatusOr<AccountsState> state = ledger.Load();
  if (!state.ok()) return state.status();
  std::unique_ptr<LedgerKeeper> keeper(
      new LedgerKeeper(std::move(ledger), sessions));
  keeper->written_ = state->workload;
  sessions.Restore(*std::move(state));
  keeper->thread_ =
      std::thread([raw = keeper.get(), period] { raw->Run(period); });
  return keeper;
}

absl::Status LedgerKeeper::Commit() { return CommitTaking(nullptr); }

AccountsSnapshot LedgerKeeper::CommittedSnapshot() {
  AccountsSnapshot snapshot;
  CommitTaking(&snapshot).IgnoreError();  // counted and logged
  snapshot.ledger_commits = commits_.load();
  snapshot.ledger_failures = failures_.load();
  return snapshot;
}

absl::Status LedgerKeeper::CommitTaking(AccountsSnapshot* snapshot) {
  const std::lock_guard lock(commit_mutex_);
  ReachCommitPoint("before_taking");
  const AccountsState changes = sessions_.TakeChanges(snapshot);
  if (IsEmpty(changes, written_)) return absl::OkStatus();
  ReachCommitPoint("before_writing");
  const absl::Status written = ledger_.Write(changes);
  if (!written.ok()) {
    sessions_.PutBack(changes);
    // Each second's failure would fill the log; its end is said too.
    ++failures_;
    if (!std::exchange(last_failed_, true)) {
      spdlog::error("event=ledger_failed error=\"{}\"",
                    std::string(written.message()));
    }
    return written;
  }
  ReachCommitPoint("after_writing");
  if (std::exchange(last_failed_, false))
    spdlog::info("event=ledger_recovered");
  written_ = changes.workload;
  sessions_.Committed(changes);
  ++commits_;
  return absl::OkStatus();
}

void LedgerKeeper::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(stop_mutex_);
    stop_ = true;
  }
  stop_condition_.notify_all();
  thread_.join();
  Commit().IgnoreError();  // counted and logged
}

void LedgerKeeper::Run(std::chrono::milliseconds period) {
  std::unique_lock lock(stop_mutex_);
  while (!stop_condition_.wait_for(lock, period, [this] { return stop_; })) {
    lock.unlock();
    // Not while nothing can be written: after a crash the ledger would bring
    // back what was folded, and what woke up meanwhile would jump.
    if (Commit().ok()) sessions_.FoldIdle(std::chrono::steady_clock::now());
    lock.lock();
  }
}

}  // namespace proxymeter::collector
