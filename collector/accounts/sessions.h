// What every session has reported so far, and the totals that follow.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/accounts/frame_codec.h"
#include "collector/accounts/journal_reader.h"
#include "collector/accounts/rejection.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"
#include "collector/accounts/totals.h"

namespace proxymeter::collector {

/// Bounds on memory, whatever crawlers send.
struct SessionLimits {
  std::size_t max_sessions = 4096;
  std::size_t max_session_rows = 262144;  ///< over all open sessions
  std::size_t max_total_rows = 100000;
  std::size_t max_retired = 65536;  ///< ids of closed sessions remembered
};

/// Everything that can be asked of the accounts, at one moment.
struct AccountsSnapshot {
  std::vector<RowValue> rows;  ///< in no order, keys distinct
  std::array<std::uint64_t, kRejections> rejected{};
  std::uint64_t open_sessions = 0;
  std::uint64_t sessions = 0;  ///< ever opened
  std::uint64_t frames = 0;    ///< taken
  std::uint64_t journals_read = 0;
  std::uint64_t overflowed = 0;  ///< additions to `_other` for want of room
};

/// Frames and journal readings of a session meet here: both carry cumulative
/// values by row index, so whatever arrives twice or late changes nothing.
/// Thread-safe.
class Sessions {
 public:
  explicit Sessions(const SessionLimits& limits = {});

  /// Whether the frame may belong to a session that is open already.
  enum class Opening { kNewOrOpen, kNew };

  /// Takes all rows of the frame, or none and says why; a refusal is counted.
  ///
  /// A session with a journal is also read through it, so a frame may hold
  /// older values than are known: the larger ones stand. Without a journal a
  /// smaller value is a mistake (kCounterDecreased).
  std::optional<Rejection> ApplyFrame(const DecodedFrame& frame,
                                      Opening opening = Opening::kNewOrOpen);

  struct JournalResult {
    std::optional<Rejection> rejection;  ///< nothing of it was taken
    bool changed = false;                ///< it held news
  };
  /// Takes every row that fits what is known of the session; others are
  /// counted as rejected, each once, for the rest of the file is still good.
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

  /// Counts input that was refused before it got here.
  void CountRejection(Rejection rejection);

  AccountsSnapshot Snapshot() const;

 private:
  struct Session {
    // Few rows of many possible indexes are used: no array.
    absl::btree_map<std::uint32_t, RowValue> rows;
    // Indexes whose row in the journal was refused, and counted, before.
    absl::btree_set<std::uint32_t> refused;
    bool has_journal = false;
  };

  std::optional<Rejection> Admit(const SessionId& id) const;
  std::optional<Rejection> Check(const DecodedFrame& frame,
                                 Opening opening) const;
  Session& Open(const SessionId& id);
  bool MergeJournal(Session& session, const JournalContents& journal,
                    std::size_t room);
  bool Merge(Session& session, const IndexedRow& update);
  void GiveHeldBytes(const RowValue& vendor_row);
  void Retire(const SessionId& id);
  void Reject(Rejection rejection);

  const SessionLimits limits_;
  // Guards all that follows; the private functions above expect it held. Not
  // absl::Mutex: ThreadSanitizer cannot see the synchronisation of a library
  // that was compiled without it.
  mutable std::mutex mutex_;
  Totals totals_;
  absl::flat_hash_map<SessionId, Session> open_;
  std::size_t session_rows_ = 0;
  absl::flat_hash_set<SessionId> retired_;
  std::deque<SessionId> retired_in_order_;
  std::array<std::uint64_t, kRejections> rejected_{};
  std::uint64_t sessions_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t journals_read_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_H_
