// What every session has reported so far, and the totals that follow.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/accounts/frame_codec.h"
#include "collector/accounts/journal_reader.h"
#include "collector/accounts/owner.h"
#include "collector/accounts/quotas.h"
#include "collector/accounts/rejection.h"
#include "collector/accounts/retired_sessions.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"
#include "collector/accounts/state.h"
#include "collector/accounts/totals.h"

namespace proxymeter::collector {

/// Bounds on memory, whatever crawlers send. One owner gets three quarters at
/// most, so that a hostile uid cannot shut the others out.
struct SessionLimits {
  std::size_t max_sessions = 4096;
  std::size_t max_session_rows = 262144;  ///< over all open sessions
  std::size_t max_total_rows = 100000;
  std::size_t max_vendor_destinations = 10000;
  /// Destinations without traffic for so long are folded; 0: never.
  std::chrono::milliseconds fold_idle{0};
  /// Of all journals that are followed. One of a quiet crawler is an extent of
  /// 64 KiB, the largest a little over 1 MiB.
  std::uint64_t max_journal_bytes = std::uint64_t{1} << 30;
  Usage each_owner = {.sessions = 3072,
                      .rows = 196608,
                      .journal_bytes = std::uint64_t{3} << 28};
  std::size_t max_retired = 65536;  ///< ids of closed sessions remembered
  std::size_t each_max_retired = 49152;
};

/// Everything that can be asked of the accounts, at one moment.
struct AccountsSnapshot {
  std::vector<RowValue> rows;  ///< in no order, keys distinct
  /// What the rows no longer have. With them: all that was ever counted.
  std::vector<FoldedVendor> folded;
  std::vector<CostValue> costs;  ///< in the order of their keys
  std::uint64_t open_sessions = 0;
  Usage used{};  ///< of the limits, by all owners together
  Workload workload;
  std::uint64_t since_unix_ns = 0;  ///< when the totals began to count
  /// False until the ledger has told what was counted before. All of the above
  /// but the open sessions is empty then.
  bool known = true;
};

/// Frames and journal readings of a session meet here: both carry cumulative
/// values by row index, so whatever arrives twice or late changes nothing.
/// Thread-safe.
class Sessions {
 public:
  explicit Sessions(const SessionLimits& limits = {});

  /// Whether the frame may belong to a session that is open already. One that
  /// was restored and not heard of since counts as new: its sender has come
  /// back to a collector that was restarted.
  enum class Opening { kNewOrOpen, kNew };

  using Sender = std::optional<std::uint64_t>;
  static constexpr Sender kOnlySender = 0;  ///< a session of one stream

  /// Takes all rows of the frame, or none and says why; a refusal is counted.
  /// Rows that its decoder left out are counted too, each index once: a shim
  /// sends such a row again whenever it changes.
  ///
  /// A session with a journal is also read through it, and forks that share
  /// private memory race each other to the socket, so a frame may hold older
  /// values than are known: the larger ones stand. Where one sender says it
  /// all, a smaller value is a mistake (kCounterDecreased). `owner` is the
  /// sender's uid; the session's stays what it was when it was opened
  /// (kWrongOwner). `sender` tells processes apart; nothing: it is not known.
  std::optional<Rejection> ApplyFrame(const DecodedFrame& frame,
                                      const Owner& owner = {},
                                      Opening opening = Opening::kNewOrOpen,
                                      const Sender& sender = kOnlySender);

  struct JournalResult {
    std::optional<Rejection> rejection;  ///< nothing of it was taken
    bool changed = false;                ///< it held news
  };
  /// Takes every row that fits what is known of the session; others are
  /// counted as rejected, each once, for the rest of the file is still good. Of
  /// a row that has fallen somewhere (kCounterDecreased), the larger values
  /// stand.
  JournalResult ApplyJournal(const JournalContents& journal);

  /// Closes a session that will report no more, after taking `last_reading`
  /// of its journal if there is one; limits do not matter for it, as nothing
  /// of it has to be remembered. Bytes that its connections still held go to
  /// the destination `_unknown`. Frames that come later are rejected as
  /// kUnknownSession.
  void Finish(const SessionId& id,
              const JournalContents* last_reading = nullptr);

  bool IsOpen(const SessionId& id) const;
  bool IsRetired(const SessionId& id) const;

  /// Adds to the totals what nobody reports: what the kernel tells. Not while
  /// the ledger is awaited.
  void AddWitnessed(const std::vector<RowValue>& deltas);

  /// Sessions of the Unix socket whose crawlers have no journal.
  std::size_t WithoutJournal() const;

  /// Counts input that was refused before it got here.
  void CountRejection(Rejection rejection);

  /// To be called every second or so: folds destinations that are idle.
  void FoldIdle(std::chrono::steady_clock::time_point now);

  /// What is agreed on with vendors from here on. To be called before anything
  /// else, and again when it has changed.
  /// `by_domain`: destinations are told apart by their registrable domains.
  void SetTerms(const std::vector<VendorTerms>& terms, bool by_domain = false);

  AccountsSnapshot Snapshot() const;
  /// A small part of it, without a copy of the rest; nothing while the ledger
  /// is awaited.
  std::optional<VendorSums> SumsByVendor() const;
  const SessionLimits& limits() const { return limits_; }

  // For the ledger.

  /// Until Restore, nothing is added up: sessions without a journal are only
  /// remembered, also when they have ended, and journals wait. To be called
  /// before anything else.
  void AwaitLedger();
  bool awaits_ledger() const;
  /// Takes up the accounts as they were written down, and remembers from here
  /// on what changes. To be called once, before anything else but AwaitLedger:
  /// what came since then is counted now.
  void Restore(AccountsState state);
  /// What changed since Restore or the last call, at one moment. `snapshot`,
  /// if given, is of that moment too.
  AccountsState TakeChanges(AccountsSnapshot* snapshot = nullptr);
  /// `changes` is written down for good.
  void Committed(const AccountsState& changes);
  /// `changes` could not be written: it is part of the next again.
  void PutBack(const AccountsState& changes);
  /// Open sessions of which nothing has been heard since Restore.
  std::vector<SessionId> Unheard() const;
  /// True for a closed session of which that is not written down yet: its
  /// journal must stay.
  bool AwaitsCommit(const SessionId& id) const;

 private:
  struct KnownRow {
    bool in_ledger = false;
    bool changed = false;
    Totals::Place total;
    RowValue value;
  };
  struct Session {
    // Few rows of many possible indexes are used: no array.
    absl::btree_map<std::uint32_t, KnownRow> rows;
    // Indexes whose row was refused, and counted, before.
    absl::btree_set<std::uint32_t> refused;
    bool has_journal = false;
    Owner owner{};
    LedgerNumber number = 0;
    Sender sender{};  // of its first frame
    // More than one sends frames, or who does is not known: no order is sure.
    bool several_senders = false;
    std::uint64_t journal_bytes = 0;  // when last read
    // Not heard of since it was taken up from the ledger.
    bool restored = false;
    bool ended = false;  // while the ledger was awaited
  };
  // What the ledger has not been told.
  struct Changes {
    bool kept = false;
    absl::flat_hash_set<SessionId> sessions;
    std::vector<std::pair<SessionId, std::uint32_t>> rows;
    std::vector<RetiredSession> retired;
    std::vector<SessionId> forgotten;
  };

  AccountsSnapshot SnapshotLocked() const;
  std::optional<Rejection> Check(const JournalContents& journal) const;
  std::optional<Rejection> Check(const DecodedFrame& frame, const Owner& owner,
                                 Opening opening, const Sender& sender) const;
  static bool IsOnlySender(const Session& session, const Sender& sender);
  Session& Open(const SessionId& id, const Owner& owner, bool has_journal);
  bool MergeJournal(Session& session, const JournalContents& journal,
                    bool limited);
  bool Merge(const SessionId& id, Session& session, const IndexedRow& update);
  void FinishLocked(const SessionId& id, const JournalContents* last_reading);
  void CatchUp(const SessionId& id, const Session& held);
  void AddUp(KnownRow& row, const Counters& deltas, Totals::Teller teller);
  void GiveHeldBytes(const RowValue& vendor_row, Totals::Teller teller);
  void Retire(const RetiredSession& session, const Owner& owner);
  void Reject(Rejection rejection);

  const SessionLimits limits_;
  // Guards all that follows; the private functions above expect it held. Not
  // absl::Mutex: ThreadSanitizer cannot see the synchronisation of a library
  // that was compiled without it.
  mutable std::mutex mutex_;
  bool awaits_ledger_ = false;
  std::uint64_t since_unix_ns_ = 0;
  Totals totals_;
  bool by_domain_ = false;
  absl::flat_hash_map<SessionId, Session> open_;
  LedgerNumber last_number_ = 0;  // of a session
  Quotas quotas_;
  RetiredSessions retired_;
  Workload workload_;
  Changes changes_;
  absl::flat_hash_set<SessionId> awaiting_commit_;
  std::optional<std::chrono::steady_clock::time_point> next_fold_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_
