// Writes the accounts into the ledger, once a second and when asked.
#ifndef PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_
#define PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/accounts/sessions.h"
#include "collector/ledger/ledger.h"

namespace proxymeter::collector {

/// Thread-safe.
class LedgerKeeper {
 public:
  /// Takes the accounts of `ledger` up into `sessions`, which must be fresh and
  /// outlive the keeper, and starts committing every `period`.
  static absl::StatusOr<std::unique_ptr<LedgerKeeper>> Start(
      Ledger ledger, Sessions& sessions,
      std::chrono::milliseconds period = std::chrono::seconds(1));

  LedgerKeeper(const LedgerKeeper&) = delete;
  LedgerKeeper& operator=(const LedgerKeeper&) = delete;
  ~LedgerKeeper() { Stop(); }

  /// Writes what has changed. What could not be written is tried again next
  /// time, and journals stay until then.
  absl::Status Commit();

  /// The accounts at a moment that is written down, so that nobody is shown
  /// what a crash could take back. Where writing fails, they are shown all the
  /// same: journals have most of it.
  AccountsSnapshot CommittedSnapshot();

  /// Ends the thread and commits a last time.
  void Stop();

  std::uint64_t since_unix_ns() const { return ledger_.since_unix_ns(); }

 private:
  LedgerKeeper(Ledger ledger, Sessions& sessions)
      : ledger_(std::move(ledger)), sessions_(sessions) {}

  absl::Status CommitTaking(AccountsSnapshot* snapshot);
  void Run(std::chrono::milliseconds period);

  std::mutex commit_mutex_;  // one commit at a time; guards the next three
  Ledger ledger_;
  Workload written_;
  bool last_failed_ = false;
  Sessions& sessions_;
  std::atomic<std::uint64_t> commits_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::mutex stop_mutex_;
  std::condition_variable stop_condition_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_
