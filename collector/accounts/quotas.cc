#include "collector/accounts/quotas.h"

namespace proxymeter::collector {
namespace {

// `limit - used` would wrap around where a restart has brought back more than
// a new limit allows; `used + more` where a sparse file says how long it is.
template <typename Number>
bool Exceeds(Number used, Number more, Number limit) {
  return more > 0 && (used >= limit || more > limit - used);
}

std::optional<Rejection> Refusal(const Usage& used, const Usage& more,
                                 const Usage& limit) {
  if (Exceeds(used.sessions, more.sessions, limit.sessions)) {
    return Rejection::kTooManySessions;
  }
  if (Exceeds(used.rows, more.rows, limit.rows)) {
    return Rejection::kTooManyRows;
  }
  if (Exceeds(used.journal_bytes, more.journal_bytes, limit.journal_bytes)) {
    return Rejection::kTooManyJournalBytes;
  }
  return std::nullopt;
}

void Add(const Usage& more, Usage& to) {
  to.sessions += more.sessions;
  to.rows += more.rows;
  to.journal_bytes += more.journal_bytes;
}

void Subtract(const Usage& less, Usage& from) {
  from.sessions -= less.sessions;
  from.rows -= less.rows;
  from.journal_bytes -= less.journal_bytes;
}

}  // namespace

std::optional<Rejection> Quotas::Refusal(const Owner& owner,
                                         const Usage& more) const {
  if (const auto refusal = collector::Refusal(UsedBy(owner), more, each_)) {
    return refusal;
  }
  return collector::Refusal(used_, more, whole_);
}

void Quotas::Take(const Owner& owner, const Usage& more) {
  Add(more, used_);
  Add(more, used_by_[owner]);
}

void Quotas::GiveBack(const Owner& owner, const Usage& less) {
  const auto found = used_by_.find(owner);
  if (found == used_by_.end()) return;
  Subtract(less, used_);
  Subtract(less, found->second);
  if (found->second == Usage{}) used_by_.erase(found);
}

Usage Quotas::UsedBy(const Owner& owner) const {
  const auto found = used_by_.find(owner);
  return found == used_by_.end() ? Usage{} : found->second;
}

}  // namespace proxymeter::collector
