#include "collector/ledger/ledger_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "collector/ledger/commit_points.h"

namespace proxymeter::collector {
namespace {

bool IsEmpty(const AccountsState& changes, const Workload& written) {
  return changes.dropped.empty() && changes.folded.empty() &&
         changes.totals.empty() && changes.dropped_costs.empty() &&
         changes.costs.empty() && changes.sessions.empty() &&
         changes.rows.empty() && changes.retired.empty() &&
         changes.forgotten.empty() && changes.workload == written;
}

bool IsZero(const RowValue& row) {
  return std::ranges::all_of(
      row.counters, [](std::uint64_t counter) { return counter == 0; });
}

// A journal tells again what was counted, and not by what price: only what is
// written down is sure.
void WithholdCosts(const AccountsState& unwritten, AccountsSnapshot& snapshot) {
  std::map<CostKey, const CostRow*> rows;
  for (const CostRow& row : unwritten.costs) rows[row.value.key] = &row;
  std::erase_if(snapshot.costs, [&rows](CostValue& value) {
    const auto found = rows.find(value.key);
    if (found == rows.end()) return false;
    value.cost = found->second->written;
    return !found->second->in_ledger;
  });
}

// Takes out of `snapshot` what a crash could take back: a counter that has
// fallen by one byte has begun anew for Prometheus, which adds all of it again.
void Withhold(const AccountsState& unwritten, const Workload& written,
              AccountsSnapshot& snapshot) {
  snapshot.workload = written;
  WithholdCosts(unwritten, snapshot);
  absl::flat_hash_map<RowKey, const Counters*> untold;
  for (const RowValue& row : unwritten.untold) {
    untold.emplace(row.key, &row.counters);
  }
  if (untold.empty()) return;
  for (RowValue& row : snapshot.rows) {
    const auto found = untold.find(row.key);
    if (found == untold.end()) continue;
    for (std::size_t i = 0; i < row.counters.size(); ++i) {
      row.counters[i] -= std::min(row.counters[i], (*found->second)[i]);
    }
  }
  std::erase_if(snapshot.rows, IsZero);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerKeeper>> LedgerKeeper::Start(
    const std::string& path, std::uint64_t now_unix_ns, Sessions& sessions,
    std::chrono::milliseconds period) {
  std::unique_ptr<LedgerKeeper> keeper(
      new LedgerKeeper(path, now_unix_ns, sessions));
  const absl::Status taken = keeper->TakeUp();
  if (absl::IsFailedPrecondition(taken)) return taken;
  if (absl::IsNotFound(taken)) {
    sessions.Restore({.since_unix_ns = now_unix_ns});
    keeper->began_ = true;
  } else if (!taken.ok()) {
    sessions.AwaitLedger();
  }
  if (!taken.ok()) keeper->Failed(taken).IgnoreError();  // counted and logged
  keeper->thread_ =
      std::thread([raw = keeper.get(), period] { raw->Run(period); });
  return keeper;
}

absl::Status LedgerKeeper::Commit() { return CommitTaking(nullptr); }

KeptSnapshot LedgerKeeper::CommittedSnapshot() {
  KeptSnapshot kept;
  CommitTaking(&kept.accounts).IgnoreError();  // counted and logged
  const std::lock_guard lock(commit_mutex_);
  kept.ledger = health_;
  return kept;
}

absl::StatusOr<AccountsState> LedgerKeeper::OpenAndLoad() {
  // A file that is set aside for what only reading it shows is gone then.
  for (bool again : {true, false}) {
    absl::StatusOr<Ledger> opened =
        Ledger::Open(path_, now_unix_ns_, &health_.set_aside);
    if (!opened.ok()) return opened.status();
    absl::StatusOr<AccountsState> state = opened->Load();
    if (state.ok()) ledger_ = *std::move(opened);
    if (!again || !absl::IsDataLoss(state.status())) return state;
    opened = absl::UnknownError("closed");
    if (absl::Status moved =
            Ledger::SetAside(path_, now_unix_ns_, state.status());
        !moved.ok()) {
      return moved;
    }
    ++health_.set_aside;
  }
  return absl::InternalError("not reached");
}

// Opens the ledger and counts on from what it says.
absl::Status LedgerKeeper::TakeUp() {
  absl::StatusOr<AccountsState> state = OpenAndLoad();
  if (!state.ok()) return state.status();
  if (began_) {
    if (state->workload == Workload{} && state->totals.empty()) {
      return absl::OkStatus();
    }
    ledger_.reset();
    return absl::FailedPreconditionError(
        absl::StrCat("ledger ", path_,
                     ": it was not there when the collector started, which has "
                     "counted since; a restart takes it up"));
  }
  written_ = state->workload;
  sessions_.Restore(*std::move(state));
  began_ = true;
  return absl::OkStatus();
}

absl::Status LedgerKeeper::CommitTaking(AccountsSnapshot* snapshot) {
  const std::lock_guard lock(commit_mutex_);
  absl::Status status;
  if (!ledger_) status = TakeUp();
  if (status.ok()) {
    status = Write(snapshot);
  } else if (snapshot != nullptr) {
    const AccountsState changes = sessions_.TakeChanges(snapshot);
    sessions_.PutBack(changes);
    Withhold(changes, written_, *snapshot);
  }
  if (!status.ok()) return Failed(std::move(status));
  if (std::exchange(health_.degraded, false)) {
    spdlog::info("event=ledger_recovered file={}", path_);
  }
  return status;
}

absl::Status LedgerKeeper::Write(AccountsSnapshot* snapshot) {
  ReachCommitPoint("before_taking");
  const AccountsState changes = sessions_.TakeChanges(snapshot);
  if (IsEmpty(changes, written_)) return absl::OkStatus();
  ReachCommitPoint("before_writing");
  const absl::Status written = ledger_->Write(changes);
  if (!written.ok()) {
    sessions_.PutBack(changes);
    if (snapshot != nullptr) Withhold(changes, written_, *snapshot);
    return absl::Status(
        written.code(),
        absl::StrCat("ledger ", path_, ": ", std::string(written.message())));
  }
  ReachCommitPoint("after_writing");
  written_ = changes.workload;
  sessions_.Committed(changes);
  ++health_.commits;
  return absl::OkStatus();
}

// Each second's failure would fill the log; its end is said too.
absl::Status LedgerKeeper::Failed(absl::Status status) {
  ++health_.failures;
  if (!std::exchange(health_.degraded, true)) {
    spdlog::error(
        "event=ledger_failed error=\"{}\" advice=\"{}; tried again every "
        "second\"",
        std::string(status.message()),
        began_ ? "metering goes on, and journals keep it"
               : "metering goes on, and nothing is shown before this ledger "
                 "tells what was counted before");
  }
  return status;
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
