// Which sessions are closed for good.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_RETIRED_SESSIONS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_RETIRED_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/accounts/owner.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::collector {

/// The latest so many: a frame that is late must not open its session anew. An
/// owner that has as many as it may gives up its own, so that nobody can make
/// the collector forget the sessions of the others. Not synchronised.
class RetiredSessions {
 public:
  /// `whole` is for all owners together, `each` for any one of them.
  RetiredSessions(std::size_t whole, std::size_t each)
      : whole_(whole), each_(each) {}

  bool Contains(const SessionId& id) const { return ids_.contains(id); }

  /// Remembers a session that is not known yet. Returns the one that is
  /// forgotten for it, if any.
  std::optional<SessionId> Add(const SessionId& id, const Owner& owner);
  /// The same for one whose owner is not known any more: it has its share of
  /// the whole only.
  std::optional<SessionId> Restore(const SessionId& id);

 private:
  // In the order in which they came; numbers tell it between owners.
  using Queue = std::deque<std::pair<std::uint64_t, SessionId>>;

  std::size_t Insert(const SessionId& id, const Owner& owner);
  std::optional<SessionId> ForgetExcess();
  SessionId ForgetOldest(const Owner& owner);
  Owner OwnerOfOldest() const;

  const std::size_t whole_;
  const std::size_t each_;
  std::uint64_t next_number_ = 0;
  absl::flat_hash_set<SessionId> ids_;
  absl::flat_hash_map<Owner, Queue> by_owner_;  // no queue is empty
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_RETIRED_SESSIONS_H_
