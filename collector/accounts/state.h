// The accounts as they are written down and taken up again.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_STATE_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_STATE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/accounts/cost.h"
#include "collector/accounts/owner.h"
#include "collector/accounts/rejection.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::collector {

/// What the collector counts of its own work.
struct Workload {
  std::array<std::uint64_t, kRejections> rejected{};
  std::uint64_t sessions = 0;  ///< ever opened
  std::uint64_t frames = 0;    ///< taken
  std::uint64_t journals_read = 0;
  std::uint64_t overflowed = 0;  ///< additions to `_other` for want of room

  friend bool operator==(const Workload&, const Workload&) = default;
};

/// Stands for them where there is one list of rows, as on screens.
inline constexpr char kFoldedDestination[] = "_folded";

/// What the destinations of a vendor held that are no longer told apart.
struct FoldedVendor {
  std::string vendor{};
  std::uint64_t destinations = 0;  ///< folded so far, some more than once
  Counters counters{};             ///< TrafficCounter

  friend bool operator==(const FoldedVendor&, const FoldedVendor&) = default;
};

/// Names a total or a session in the ledger: found there by its number, it is
/// changed without looking at names. No two of a kind ever share one at a time.
using LedgerNumber = std::uint64_t;

struct TotalRow {
  LedgerNumber number = 0;
  RowValue row;
  /// A hint: it was written before, and its counters alone are news.
  bool in_ledger = false;

  friend bool operator==(const TotalRow&, const TotalRow&) = default;
};

struct SessionHead {
  SessionId id{};
  bool has_journal = false;
  Owner owner{};
  LedgerNumber number = 0;

  friend bool operator==(const SessionHead&, const SessionHead&) = default;
};

/// A row of an open session: the last cumulative values accounted.
struct SessionRow {
  SessionId session{};
  IndexedRow row;
  LedgerNumber session_number = 0;
  bool in_ledger = false;  ///< as above

  friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

struct RetiredSession {
  SessionId id{};
  LedgerNumber number = 0;  ///< what its rows went by; 0: it had none

  friend bool operator==(const RetiredSession&,
                         const RetiredSession&) = default;
};

/// What a vendor, or one of its destinations, has cost.
struct CostRow {
  LedgerNumber number = 0;
  CostValue value;
  CostUnits written = 0;     ///< the part of it that the ledger has
  BilledBytes handshakes{};  ///< to be taken off what is billed next
  bool in_ledger = false;    ///< as above

  friend bool operator==(const CostRow&, const CostRow&) = default;
};

/// All of the accounts, or the part that changed between two moments. Every
/// value is absolute: writing it again changes nothing.
struct AccountsState {
  std::vector<LedgerNumber> dropped{};  ///< totals that are gone
  std::vector<TotalRow> totals{};
  std::vector<FoldedVendor> folded{};
  std::vector<LedgerNumber> dropped_costs{};
  std::vector<CostRow> costs{};
  std::vector<SessionHead> sessions{};    ///< open ones
  std::vector<SessionRow> rows{};         ///< of open sessions
  std::vector<RetiredSession> retired{};  ///< closed; their rows are to go
  std::vector<SessionId> forgotten{};     ///< no longer remembered as closed
  Workload workload{};
  std::uint64_t since_unix_ns = 0;  ///< when the totals began to count
  /// Part of the totals that is in no journal: until it is written down,
  /// nobody could tell it again. Not absolute, and not written.
  std::vector<RowValue> untold{};
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_STATE_H_
