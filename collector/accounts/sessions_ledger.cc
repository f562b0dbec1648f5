// What Sessions does for the ledger.

#include <algorithm>
#include <utility>

#include "collector/accounts/sessions.h"

namespace proxymeter::collector {

void Sessions::AwaitLedger() {
  const std::lock_guard lock(mutex_);
  awaits_ledger_ = true;
}

bool Sessions::awaits_ledger() const {
  const std::lock_guard lock(mutex_);
  return awaits_ledger_;
}

void Sessions::Restore(AccountsState state) {
  const std::lock_guard lock(mutex_);
  awaits_ledger_ = false;
  since_unix_ns_ = state.since_unix_ns;
  const auto held = std::exchange(open_, {});
  for (const auto& [id, session] : held) {
    quotas_.GiveBack(session.owner,
                     {.sessions = 1, .rows = session.rows.size()});
  }
  totals_.Restore(state);
  for (const SessionHead& head : state.sessions) {
    Session& session = open_[head.id];
    session.has_journal = head.has_journal;
    session.owner = head.owner;
    session.number = head.number;
    session.restored = true;
    last_number_ = std::max(last_number_, head.number);
  }
  for (SessionRow& row : state.rows) {
    KnownRow& known = open_[row.session].rows[row.row.index];
    known.value = std::move(row.row.row);
    known.in_ledger = true;
  }
  for (const auto& [id, session] : open_) {
    quotas_.Take(session.owner, {.sessions = 1, .rows = session.rows.size()});
  }
  const Workload meanwhile = std::exchange(workload_, state.workload);
  workload_.frames += meanwhile.frames;
  for (std::size_t i = 0; i < kRejections; ++i) {
    workload_.rejected[i] += meanwhile.rejected[i];
  }
  changes_.kept = true;
  // Whose they were is not written down.
  for (const RetiredSession& session : state.retired) {
    if (const auto forgotten = retired_.Restore(session.id)) {
      changes_.forgotten.push_back(*forgotten);
    }
  }
  totals_.KeepChanges();
  for (const auto& [id, session] : held) CatchUp(id, session);
}

// Counts what a session has said while the ledger was awaited.
void Sessions::CatchUp(const SessionId& id, const Session& held) {
  if (retired_.Contains(id)) return Reject(Rejection::kUnknownSession);
  Session& session = Open(id, held.owner, /*has_journal=*/false);
  if (session.owner != held.owner) return Reject(Rejection::kWrongOwner);
  session.sender = held.sender;
  session.several_senders = held.several_senders;
  for (const auto& [index, row] : held.rows) {
    const auto known = session.rows.find(index);
    if (known != session.rows.end() &&
        known->second.value.key != row.value.key) {
      Reject(Rejection::kKeyChanged);
      continue;
    }
    Merge(id, session, {index, row.value});
  }
  if (held.ended) FinishLocked(id, nullptr);
}

AccountsState Sessions::TakeChanges(AccountsSnapshot* snapshot) {
  const std::lock_guard lock(mutex_);
  if (snapshot != nullptr) *snapshot = SnapshotLocked();
  AccountsState state;
  totals_.TakeChanges(state);
  for (const SessionId& id : changes_.sessions) {
    const auto found = open_.find(id);
    if (found == open_.end()) continue;
    state.sessions.push_back({id, found->second.has_journal,
                              found->second.owner, found->second.number});
  }
  changes_.sessions.clear();
  state.rows.reserve(changes_.rows.size());
  for (const auto& [id, index] : std::exchange(changes_.rows, {})) {
    const auto session = open_.find(id);
    if (session == open_.end()) continue;  // closed meanwhile
    KnownRow& row = session->second.rows.at(index);
    row.changed = false;
    state.rows.push_back({id,
                          {index, row.value},
                          session->second.number,
                          std::exchange(row.in_ledger, true)});
  }
  state.retired = std::exchange(changes_.retired, {});
  state.forgotten = std::exchange(changes_.forgotten, {});
  state.workload = workload_;
  state.workload.overflowed = totals_.overflowed();
  return state;
}

void Sessions::Committed(const AccountsState& changes) {
  const std::lock_guard lock(mutex_);
  totals_.Committed(changes);
  for (const RetiredSession& session : changes.retired) {
    awaiting_commit_.erase(session.id);
  }
}

void Sessions::PutBack(const AccountsState& changes) {
  const std::lock_guard lock(mutex_);
  totals_.PutBack(changes);
  for (const SessionHead& head : changes.sessions) {
    changes_.sessions.insert(head.id);
  }
  for (const SessionRow& row : changes.rows) {
    const auto session = open_.find(row.session);
    if (session == open_.end()) continue;
    KnownRow& known = session->second.rows.at(row.row.index);
    known.in_ledger = row.in_ledger;
    if (std::exchange(known.changed, true)) continue;
    changes_.rows.emplace_back(row.session, row.row.index);
  }
  changes_.retired.insert(changes_.retired.begin(), changes.retired.begin(),
                          changes.retired.end());
  changes_.forgotten.insert(changes_.forgotten.end(), changes.forgotten.begin(),
                            changes.forgotten.end());
}

std::vector<SessionId> Sessions::Unheard() const {
  const std::lock_guard lock(mutex_);
  std::vector<SessionId> ids;
  for (const auto& [id, session] : open_) {
    if (session.restored) ids.push_back(id);
  }
  return ids;
}

bool Sessions::AwaitsCommit(const SessionId& id) const {
  const std::lock_guard lock(mutex_);
  return awaiting_commit_.contains(id);
}

}  // namespace proxymeter::collector
