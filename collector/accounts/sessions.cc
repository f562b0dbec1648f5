#include "collector/accounts/sessions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

std::uint64_t SaturatingDifference(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

bool AnyBelow(const Counters& values, const Counters& known) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < known[i]) return true;
  }
  return false;
}

}  // namespace

Sessions::Sessions(const SessionLimits& limits)
    : limits_(limits), totals_(limits.max_total_rows) {}

std::optional<Rejection> Sessions::ApplyFrame(const DecodedFrame& frame,
                                              Opening opening) {
  const std::lock_guard lock(mutex_);
  if (std::optional<Rejection> rejection = Check(frame, opening)) {
    Reject(*rejection);
    return rejection;
  }
  Session& session = Open(frame.session);
  session.has_journal |= frame.process.has_journal;
  for (const IndexedRow& row : frame.rows) Merge(session, row);
  ++frames_;
  return std::nullopt;
}

Sessions::JournalResult Sessions::ApplyJournal(const JournalContents& journal) {
  const std::lock_guard lock(mutex_);
  JournalResult result;
  result.rejection = Admit(journal.session);
  if (result.rejection) {
    Reject(*result.rejection);
    return result;
  }
  result.changed =
      MergeJournal(Open(journal.session), journal, limits_.max_session_rows);
  return result;
}

void Sessions::Finish(const SessionId& id,
                      const JournalContents* last_reading) {
  const std::lock_guard lock(mutex_);
  if (retired_.contains(id)) return;
  if (last_reading != nullptr) {
    MergeJournal(Open(id), *last_reading,
                 std::numeric_limits<std::size_t>::max());
  }
  if (const auto found = open_.find(id); found != open_.end()) {
    for (const auto& [index, row] : found->second.rows) {
      if (row.key.kind == RowKind::kVendor) GiveHeldBytes(row);
    }
    session_rows_ -= found->second.rows.size();
    open_.erase(found);
  }
  Retire(id);
}

bool Sessions::IsOpen(const SessionId& id) const {
  const std::lock_guard lock(mutex_);
  return open_.contains(id);
}

bool Sessions::IsRetired(const SessionId& id) const {
  const std::lock_guard lock(mutex_);
  return retired_.contains(id);
}

void Sessions::CountRejection(Rejection rejection) {
  const std::lock_guard lock(mutex_);
  Reject(rejection);
}

AccountsSnapshot Sessions::Snapshot() const {
  const std::lock_guard lock(mutex_);
  AccountsSnapshot snapshot;
  snapshot.rows = totals_.Rows();
  snapshot.rejected = rejected_;
  snapshot.open_sessions = open_.size();
  snapshot.sessions = sessions_;
  snapshot.frames = frames_;
  snapshot.journals_read = journals_read_;
  snapshot.overflowed = totals_.overflowed();
  return snapshot;
}

std::optional<Rejection> Sessions::Admit(const SessionId& id) const {
  if (retired_.contains(id)) return Rejection::kUnknownSession;
  if (!open_.contains(id) && open_.size() >= limits_.max_sessions) {
    return Rejection::kTooManySessions;
  }
  return std::nullopt;
}

std::optional<Rejection> Sessions::Check(const DecodedFrame& frame,
                                         Opening opening) const {
  if (std::optional<Rejection> rejection = Admit(frame.session)) {
    return rejection;
  }
  const auto found = open_.find(frame.session);
  if (found == open_.end()) {
    if (session_rows_ + frame.rows.size() > limits_.max_session_rows) {
      return Rejection::kTooManyRows;
    }
    return std::nullopt;
  }
  if (opening == Opening::kNew) return Rejection::kSessionInUse;
  const Session& session = found->second;
  const bool ordered = !session.has_journal && !frame.process.has_journal;
  std::size_t new_rows = 0;
  for (const IndexedRow& row : frame.rows) {
    const auto known = session.rows.find(row.index);
    if (known == session.rows.end()) {
      ++new_rows;
      continue;
    }
    if (known->second.key != row.row.key) return Rejection::kKeyChanged;
    if (ordered && AnyBelow(row.row.counters, known->second.counters)) {
      return Rejection::kCounterDecreased;
    }
  }
  if (session_rows_ + new_rows > limits_.max_session_rows) {
    return Rejection::kTooManyRows;
  }
  return std::nullopt;
}

Sessions::Session& Sessions::Open(const SessionId& id) {
  const auto [position, inserted] = open_.try_emplace(id);
  if (inserted) ++sessions_;
  return position->second;
}

// True when the journal held news; `room` is for the rows of all sessions.
bool Sessions::MergeJournal(Session& session, const JournalContents& journal,
                            std::size_t room) {
  session.has_journal = true;
  ++journals_read_;
  bool changed = false;
  for (const IndexedRow& row : journal.rows) {
    const auto known = session.rows.find(row.index);
    if (known == session.rows.end()) {
      if (session_rows_ >= room) {
        if (session.refused.insert(row.index).second) {
          Reject(Rejection::kTooManyRows);
        }
        continue;
      }
    } else if (known->second.key != row.row.key) {
      if (session.refused.insert(row.index).second) {
        Reject(Rejection::kKeyChanged);
      }
      continue;
    }
    changed |= Merge(session, row);
  }
  return changed;
}

// Raises the known values to those of `update` and adds the difference to the
// totals. True when there was one.
bool Sessions::Merge(Session& session, const IndexedRow& update) {
  const auto [position, inserted] = session.rows.try_emplace(update.index);
  RowValue& known = position->second;
  if (inserted) {
    known.key = update.row.key;
    ++session_rows_;
  }
  Counters deltas{};
  bool changed = false;
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    deltas[i] = SaturatingDifference(update.row.counters[i], known.counters[i]);
    known.counters[i] += deltas[i];
    changed |= deltas[i] != 0;
  }
  if (changed) totals_.Add(known.key, deltas);
  return changed;
}

void Sessions::GiveHeldBytes(const RowValue& vendor_row) {
  const Counters& counters = vendor_row.counters;
  const std::uint64_t sent = SaturatingDifference(counters[kHeldSentBytes],
                                                  counters[kReleasedSentBytes]);
  const std::uint64_t received = SaturatingDifference(
      counters[kHeldReceivedBytes], counters[kReleasedReceivedBytes]);
  if (sent == 0 && received == 0) return;
  Counters given{};
  given[kSentBytes] = sent;
  given[kReceivedBytes] = received;
  totals_.Add({.kind = RowKind::kTraffic,
               .vendor = vendor_row.key.vendor,
               .destination = kUnknownDestination},
              given);
  // Released now, if to nowhere: what the totals hold is what live sessions
  // hold.
  Counters released{};
  released[kReleasedSentBytes] = sent;
  released[kReleasedReceivedBytes] = received;
  totals_.Add(vendor_row.key, released);
}

void Sessions::Retire(const SessionId& id) {
  retired_.insert(id);
  retired_in_order_.push_back(id);
  if (retired_in_order_.size() > limits_.max_retired) {
    retired_.erase(retired_in_order_.front());
    retired_in_order_.pop_front();
  }
}

void Sessions::Reject(Rejection rejection) {
  ++rejected_[static_cast<std::size_t>(rejection)];
}

}  // namespace proxymeter::collector
