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

inline constexpr std::int64_t kLedgerVersion = 3;

/// Not synchronised; one process at a time has a ledger open.
class Ledger {
 public:
  /// Opens `path`, or creates it with `now_unix_ns` as the beginning of its
  /// totals. A file that is damaged, or of another version's layout, is set
  /// aside, beside it, with a message in the log, and a new one begun: traffic
  /// goes on being counted. `set_aside` counts such files.
  ///
  /// FAILED_PRECONDITION for a path that is a mistake: some other database, no
  /// such directory. NOT_FOUND when nothing is written down there and nothing
  /// can be, for the time being. Others when something may be, and cannot be
  /// read. All with the path and the cause.
  static absl::StatusOr<Ledger> Open(const std::string& path,
                                     std::uint64_t now_unix_ns,
                                     std::uint64_t* set_aside = nullptr);

  /// Everything that is written down; empty but for `since_unix_ns` in a new
  /// ledger. DATA_LOSS for damage that only shows now.
  absl::StatusOr<AccountsState> Load();

  /// Moves away what Load has found to be damaged.
  static absl::Status SetAside(const std::string& path,
                               std::uint64_t now_unix_ns,
                               const absl::Status& why);

  /// Writes `changes` in one transaction: all of it or nothing.
  absl::Status Write(const AccountsState& changes);

  /// When the totals began to count, in ns since the Unix epoch.
  std::uint64_t since_unix_ns() const { return since_unix_ns_; }

 private:
  static constexpr char kSince[] = "since_unix_ns";

  explicit Ledger(Database database) : database_(std::move(database)) {}

  static absl::StatusOr<Ledger> OpenSound(const std::string& path,
                                          std::uint64_t now_unix_ns,
                                          bool* empty);
  absl::Status Prepare(std::uint64_t now_unix_ns, bool* empty);
  absl::Status CheckFile();
  absl::Status PrepareStatements();
  absl::Status WriteRows(const AccountsState& changes);
  absl::Status WriteTotals(const std::vector<TotalRow>& totals);
  absl::Status WriteCosts(const AccountsState& changes);
  absl::Status LoadCosts(std::vector<CostRow>* costs);
  absl::Status WriteSessionRows(const std::vector<SessionRow>& rows);
  absl::Status WriteWorkload(const Workload& workload);
  absl::Status LoadWorkload(Workload* workload);

  Database database_;
  std::uint64_t since_unix_ns_ = 0;
  Statement drop_total_;
  Statement put_total_;
  Statement put_folded_;
  Statement drop_cost_;
  Statement put_cost_;
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
