#include "collector/accounts/sessions.h"

#include <algorithm>
#include <utility>

#include "collector/accounts/registrable_domain.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

std::uint64_t SaturatingDifference(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

// A session that sends frames alone is remembered by nobody else.
Totals::Teller TellerOf(bool has_journal) {
  return has_journal ? Totals::Teller::kJournal : Totals::Teller::kNobody;
}

bool AnyBelow(const Counters& values, const RowValue& known) {
  for (std::size_t i = 0; i < CounterCount(known.key.kind); ++i) {
    if (values[i] < known.counters[i]) return true;
  }
  return false;
}

}  // namespace

Sessions::Sessions(const SessionLimits& limits)
    : limits_(limits),
      totals_(limits.max_total_rows, limits.max_vendor_destinations),
      quotas_({.sessions = limits.max_sessions,
               .rows = limits.max_session_rows,
               .journal_bytes = limits.max_journal_bytes},
              limits.each_owner),
      retired_(limits.max_retired, limits.each_max_retired) {}

std::optional<Rejection> Sessions::ApplyFrame(const DecodedFrame& frame,
                                              const Owner& owner,
                                              Opening opening,
                                              const Sender& sender) {
  const std::lock_guard lock(mutex_);
  if (auto rejection = Check(frame, owner, opening, sender)) {
    Reject(*rejection);
    return rejection;
  }
  if (awaits_ledger_ && frame.process.has_journal) {
    // The journal tells it as well, once there is something to add it to.
    ++workload_.frames;
    return std::nullopt;
  }
  Session& session = Open(frame.session, owner, frame.process.has_journal);
  if (!session.sender) session.sender = sender;
  session.several_senders |= !IsOnlySender(session, sender);
  for (const IndexedRow& row : frame.rows) Merge(frame.session, session, row);
  for (const std::uint32_t index : frame.bad_rows) {
    // Indexes beyond the journal count as one: they may be any number.
    const auto bounded = std::min<std::uint32_t>(index, kMaxJournalRows);
    if (session.refused.insert(bounded).second) Reject(Rejection::kBadRow);
  }
  ++workload_.frames;
  return std::nullopt;
}

Sessions::JournalResult Sessions::ApplyJournal(const JournalContents& journal) {
  const std::lock_guard lock(mutex_);
  JournalResult result;
  result.rejection = Check(journal);
  if (result.rejection) {
    Reject(*result.rejection);
    return result;
  }
  result.changed = MergeJournal(
      Open(journal.session, journal.owner, /*has_journal=*/true), journal,
      /*limited=*/true);
  return result;
}

void Sessions::Finish(const SessionId& id,
                      const JournalContents* last_reading) {
  const std::lock_guard lock(mutex_);
  FinishLocked(id, last_reading);
}

void Sessions::FinishLocked(const SessionId& id,
                            const JournalContents* last_reading) {
  if (awaits_ledger_) {
    const auto found = open_.find(id);
    if (found != open_.end()) found->second.ended = true;
    return;
  }
  if (retired_.Contains(id)) return;
  if (last_reading != nullptr) {
    const auto found = open_.find(id);
    if (found != open_.end() && found->second.owner != last_reading->owner) {
      Reject(Rejection::kWrongOwner);
    } else {
      MergeJournal(Open(id, last_reading->owner, /*has_journal=*/true),
                   *last_reading, /*limited=*/false);
    }
  }
  Owner owner = last_reading != nullptr ? last_reading->owner : Owner{};
  LedgerNumber number = 0;
  if (const auto found = open_.find(id); found != open_.end()) {
    owner = found->second.owner;
    number = found->second.number;
    for (const auto& [index, row] : found->second.rows) {
      if (row.value.key.kind != RowKind::kVendor) continue;
      GiveHeldBytes(row.value, TellerOf(found->second.has_journal));
    }
    quotas_.GiveBack(found->second.owner,
                     {.sessions = 1,
                      .rows = found->second.rows.size(),
                      .journal_bytes = found->second.journal_bytes});
    open_.erase(found);
  }
  Retire({id, number}, owner);
}

bool Sessions::IsOpen(const SessionId& id) const {
  const std::lock_guard lock(mutex_);
  return open_.contains(id);
}

bool Sessions::IsRetired(const SessionId& id) const {
  const std::lock_guard lock(mutex_);
  return retired_.Contains(id);
}

void Sessions::AddWitnessed(const std::vector<RowValue>& deltas) {
  const std::lock_guard lock(mutex_);
  for (const RowValue& row : deltas) {
    totals_.Add(row.key, row.counters, Totals::Teller::kNobody);
  }
}

std::size_t Sessions::WithoutJournal() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [id, session] : open_) {
    count += session.owner && !session.has_journal && !session.restored;
  }
  return count;
}

void Sessions::CountRejection(Rejection rejection) {
  const std::lock_guard lock(mutex_);
  Reject(rejection);
}

void Sessions::FoldIdle(std::chrono::steady_clock::time_point now) {
  if (limits_.fold_idle <= std::chrono::milliseconds(0)) return;
  const std::lock_guard lock(mutex_);
  if (next_fold_ && now < *next_fold_) return;
  // It looks at every destination. A little late is no matter.
  next_fold_ = now + limits_.fold_idle / 16;
  totals_.FoldIdle(now, limits_.fold_idle);
}

void Sessions::SetTerms(const std::vector<VendorTerms>& terms, bool by_domain) {
  const std::lock_guard lock(mutex_);
  totals_.SetTerms(terms);
  by_domain_ = by_domain;
}

AccountsSnapshot Sessions::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return SnapshotLocked();
}

AccountsSnapshot Sessions::SnapshotLocked() const {
  AccountsSnapshot snapshot;
  snapshot.open_sessions = open_.size();
  snapshot.used = quotas_.used();
  snapshot.known = !awaits_ledger_;
  if (awaits_ledger_) return snapshot;
  snapshot.since_unix_ns = since_unix_ns_;
  snapshot.rows = totals_.Rows();
  snapshot.folded = totals_.Folded();
  snapshot.costs = totals_.CostValues();
  snapshot.workload = workload_;
  snapshot.workload.overflowed = totals_.overflowed();
  return snapshot;
}

std::optional<VendorSums> Sessions::SumsByVendor() const {
  const std::lock_guard lock(mutex_);
  if (awaits_ledger_) return std::nullopt;
  return totals_.SumsByVendor();
}

std::optional<Rejection> Sessions::Check(const JournalContents& journal) const {
  if (retired_.Contains(journal.session)) return Rejection::kUnknownSession;
  Usage more{.sessions = 1, .journal_bytes = journal.file_bytes};
  if (const auto found = open_.find(journal.session); found != open_.end()) {
    const Session& session = found->second;
    if (session.owner != journal.owner) return Rejection::kWrongOwner;
    more = {.journal_bytes = SaturatingDifference(journal.file_bytes,
                                                  session.journal_bytes)};
  }
  return quotas_.Refusal(journal.owner, more);
}

std::optional<Rejection> Sessions::Check(const DecodedFrame& frame,
                                         const Owner& owner, Opening opening,
                                         const Sender& sender) const {
  if (retired_.Contains(frame.session)) return Rejection::kUnknownSession;
  const auto found = open_.find(frame.session);
  if (found != open_.end() && found->second.ended) {
    return Rejection::kUnknownSession;
  }
  if (found == open_.end()) {
    return quotas_.Refusal(owner, {.sessions = 1, .rows = frame.rows.size()});
  }
  const Session& session = found->second;
  if (session.owner != owner) return Rejection::kWrongOwner;
  if (opening == Opening::kNew && !session.restored) {
    return Rejection::kSessionInUse;
  }
  const bool ordered = !session.has_journal && !frame.process.has_journal &&
                       IsOnlySender(session, sender);
  std::size_t new_rows = 0;
  for (const IndexedRow& row : frame.rows) {
    const auto known = session.rows.find(row.index);
    if (known == session.rows.end()) {
      ++new_rows;
      continue;
    }
    const RowValue& value = known->second.value;
    if (value.key != row.row.key) return Rejection::kKeyChanged;
    if (ordered && AnyBelow(row.row.counters, value)) {
      return Rejection::kCounterDecreased;
    }
  }
  return quotas_.Refusal(owner, {.rows = new_rows});
}

bool Sessions::IsOnlySender(const Session& session, const Sender& sender) {
  return sender && !session.several_senders &&
         (!session.sender || session.sender == sender);
}

Sessions::Session& Sessions::Open(const SessionId& id, const Owner& owner,
                                  bool has_journal) {
  const auto [position, inserted] = open_.try_emplace(id);
  Session& session = position->second;
  session.restored = false;
  if (inserted) {
    ++workload_.sessions;
    session.owner = owner;
    session.number = ++last_number_;
    quotas_.Take(owner, {.sessions = 1});
  }
  const bool found_journal = has_journal && !session.has_journal;
  session.has_journal |= has_journal;
  if (changes_.kept && (inserted || found_journal))
    changes_.sessions.insert(id);
  return session;
}

// True when the journal held news. `limited`: new rows need room.
bool Sessions::MergeJournal(Session& session, const JournalContents& journal,
                            bool limited) {
  ++workload_.journals_read;
  quotas_.GiveBack(session.owner, {.journal_bytes = session.journal_bytes});
  session.journal_bytes = journal.file_bytes;
  quotas_.Take(session.owner, {.journal_bytes = session.journal_bytes});
  bool changed = false;
  for (const IndexedRow& row : journal.rows) {
    const auto known = session.rows.find(row.index);
    std::optional<Rejection> refusal;
    if (known == session.rows.end()) {
      if (limited) refusal = quotas_.Refusal(session.owner, {.rows = 1});
    } else if (known->second.value.key != row.row.key) {
      refusal = Rejection::kKeyChanged;
    }
    if (refusal) {
      if (session.refused.insert(row.index).second) Reject(*refusal);
      continue;
    }
    // No frame knows more than the journal did when it was sent.
    if (known != session.rows.end() &&
        AnyBelow(row.row.counters, known->second.value) &&
        session.refused.insert(row.index).second) {
      Reject(Rejection::kCounterDecreased);
    }
    changed |= Merge(journal.session, session, row);
  }
  return changed;
}

// Raises the known values to those of `update` and adds the difference to the
// totals. True when there was one.
bool Sessions::Merge(const SessionId& id, Session& session,
                     const IndexedRow& update) {
  const auto [position, inserted] = session.rows.try_emplace(update.index);
  KnownRow& row = position->second;
  RowValue& known = row.value;
  if (inserted) {
    known.key = update.row.key;
    quotas_.Take(session.owner, {.rows = 1});
  }
  Counters deltas{};
  bool changed = false;
  for (std::size_t i = 0; i < CounterCount(known.key.kind); ++i) {
    deltas[i] = SaturatingDifference(update.row.counters[i], known.counters[i]);
    known.counters[i] += deltas[i];
    changed |= deltas[i] != 0;
  }
  if (changed && !awaits_ledger_) {
    AddUp(row, deltas, TellerOf(session.has_journal));
  }
  if (changes_.kept && (changed || inserted) &&
      !std::exchange(row.changed, true)) {
    changes_.rows.emplace_back(id, update.index);
  }
  return changed;
}

// Destinations and products are counted apart: their combinations would be
// without number.
void Sessions::AddUp(KnownRow& row, const Counters& deltas,
                     Totals::Teller teller) {
  const RowKey& key = row.value.key;
  const bool folds = by_domain_ && key.kind == RowKind::kTraffic;
  if (key.labels.empty() && !folds) {
    totals_.Add(key, deltas, teller, row.total);
    return;
  }
  RowKey shown = key;
  shown.labels.clear();
  if (folds) shown.destination = RegistrableDomain(key.destination);
  totals_.Add(shown, deltas, teller, row.total);
  if (!key.labels.empty()) totals_.Add(ProductKey(key), deltas, teller);
}

void Sessions::GiveHeldBytes(const RowValue& vendor_row,
                             Totals::Teller teller) {
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
              given, teller);
  // Released now, if to nowhere: what the totals hold is what live sessions
  // hold.
  Counters released{};
  released[kReleasedSentBytes] = sent;
  released[kReleasedReceivedBytes] = received;
  totals_.Add(vendor_row.key, released, teller);
}

void Sessions::Retire(const RetiredSession& session, const Owner& owner) {
  const std::optional<SessionId> forgotten = retired_.Add(session.id, owner);
  if (!changes_.kept) return;
  changes_.retired.push_back(session);
  awaiting_commit_.insert(session.id);
  if (forgotten) changes_.forgotten.push_back(*forgotten);
}

void Sessions::Reject(Rejection rejection) {
  ++workload_.rejected[static_cast<std::size_t>(rejection)];
}

}  // namespace proxymeter::collector
