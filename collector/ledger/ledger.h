// The accounts on disk: what survives the collector.
//
// One SQLite file (WAL). It holds the totals, and of every open session the
// last cumulative values accounted, so that a journal or a frame read again
// after a restart adds only what is new.
#ifndef PROXYMETER_COLLECTOR_LEDGER_LEDGER_H_
#define PROXYMETER_COLLECTOR_LEDGER_LEDGER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/accounts/state.h"
#include "collector/ledger/database.h"

namespace proxymeter::collector {

inline constexpr std::int64_t kLedgerVersion = 1;

/// Not synchronised; one process at a time has a ledger open.
class Ledger {
 public:
  /// Opens `path`, or creates it with `now_unix_ns` as the beginning of its
  /// totals. A damaged file is set aside, beside it, with a message in the log,
  /// and a new one begun: traffic goes on being counted.
  ///
  /// FAILED_PRECONDITION for a file that a newer version has written, or that
  /// is some other database; others with the path and the cause.
  static absl::StatusOr<Ledger> Open(const std::string& path,
                                     std::uint64_t now_unix_ns);

  /// Everything that is written down.
  absl::StatusOr<AccountsState> Load();

  /// Writes `changes` in one transaction: all of it or nothing.
  absl::Status Write(const AccountsState& changes);

  /// When the totals began to count, in ns since the Unix epoch.
  std::uint64_t since_unix_ns() const { return since_unix_ns_; }

 private:
  explicit Ledger(Database database) : database_(std::move(database)) {}

  static absl::StatusOr<Ledger> OpenSound(const std::string& path,
                                          std::uint64_t now_unix_ns);
  absl::Status Prepare(std::uint64_t now_unix_ns);
  absl::Status WriteRows(const AccountsState& changes);
  absl::Status WriteTotals(const std::vector<TotalRow>& totals);
  absl::Status WriteSessionRows(const std::vector<SessionRow>& rows);
  absl::Status WriteWorkload(const Workload& workload);
  absl::Status LoadWorkload(Workload* workload);

  Database database_;
  std::uint64_t since_unix_ns_ = 0;
  Statement drop_total_;
  Statement put_total_;
  Statement put_folded_;
  Statement put_session_;
  Statement put_row_;
  Statement put_retired_;
  Statement drop_session_;
  Statement drop_rows_;
  Statement drop_retired_;
  Statement put_meta_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_LEDGER_H_
