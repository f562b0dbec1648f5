// Writes the accounts into the ledger, once a second and when asked.
#ifndef PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_
#define PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/accounts/sessions.h"
#include "collector/ledger/ledger.h"

namespace proxymeter::collector {

/// How writing goes, in this process.
struct LedgerHealth {
  std::uint64_t commits = 0;
  std::uint64_t failures = 0;   ///< to open it or to write to it
  std::uint64_t set_aside = 0;  ///< files that could not be taken up
  bool degraded = false;        ///< the last attempt was a failure
};

/// The accounts at one moment, and whether they are safe.
struct KeptSnapshot {
  AccountsSnapshot accounts;
  LedgerHealth ledger;
};

/// A ledger that cannot be opened or written is tried again and again; crawlers
/// are metered meanwhile. Thread-safe.
class LedgerKeeper {
 public:
  /// Takes the accounts of the ledger at `path` up into `sessions`, which must
  /// be fresh and outlive the keeper, and starts committing every `period`.
  /// Where there is no ledger and none can be made, the accounts begin in
  /// memory, at `now_unix_ns`; where there is one that cannot be read now, they
  /// wait for it (Sessions::AwaitLedger).
  ///
  /// FAILED_PRECONDITION as Ledger::Open.
  static absl::StatusOr<std::unique_ptr<LedgerKeeper>> Start(
      const std::string& path, std::uint64_t now_unix_ns, Sessions& sessions,
      std::chrono::milliseconds period = std::chrono::seconds(1));

  LedgerKeeper(const LedgerKeeper&) = delete;
  LedgerKeeper& operator=(const LedgerKeeper&) = delete;
  ~LedgerKeeper() { Stop(); }

  /// Writes what has changed. What could not be written is tried again next
  /// time, and journals stay until then.
  absl::Status Commit();

  /// The accounts at a moment that is written down, so that nobody is shown
  /// what a crash could take back. Where writing fails: what is written down,
  /// and what journals would tell again.
  KeptSnapshot CommittedSnapshot();

  /// Ends the thread and commits a last time.
  void Stop();

 private:
  LedgerKeeper(std::string path, std::uint64_t now_unix_ns, Sessions& sessions)
      : path_(std::move(path)),
        now_unix_ns_(now_unix_ns),
        sessions_(sessions) {}

  absl::Status CommitTaking(AccountsSnapshot* snapshot);
  absl::Status TakeUp();
  absl::StatusOr<AccountsState> OpenAndLoad();
  absl::Status Write(AccountsSnapshot* snapshot);
  absl::Status Failed(absl::Status status);
  void Run(std::chrono::milliseconds period);

  const std::string path_;
  const std::uint64_t now_unix_ns_;
  std::mutex commit_mutex_;  // one commit at a time; guards the next four
  std::optional<Ledger> ledger_;
  bool began_ = false;  // the accounts are not waiting
  Workload written_;
  LedgerHealth health_;
  Sessions& sessions_;
  std::mutex stop_mutex_;
  std::condition_variable stop_condition_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_LEDGER_KEEPER_H_
