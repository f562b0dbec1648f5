#include "collector/accounts/retired_sessions.h"

#include <algorithm>

namespace proxymeter::collector {

std::optional<SessionId> RetiredSessions::Add(const SessionId& id,
                                              const Owner& owner) {
  if (Insert(id, owner) > each_) return ForgetOldest(owner);
  return ForgetExcess();
}

std::optional<SessionId> RetiredSessions::Restore(const SessionId& id) {
  Insert(id, /*owner=*/{});
  return ForgetExcess();
}

// Returns how many its owner has.
std::size_t RetiredSessions::Insert(const SessionId& id, const Owner& owner) {
  ids_.insert(id);
  Queue& queue = by_owner_[owner];
  queue.emplace_back(next_number_++, id);
  return queue.size();
}

std::optional<SessionId> RetiredSessions::ForgetExcess() {
  if (ids_.size() <= whole_) return std::nullopt;
  return ForgetOldest(OwnerOfOldest());
}

SessionId RetiredSessions::ForgetOldest(const Owner& owner) {
  const auto found = by_owner_.find(owner);
  const SessionId oldest = found->second.front().second;
  found->second.pop_front();
  if (found->second.empty()) by_owner_.erase(found);
  ids_.erase(oldest);
  return oldest;
}

// Owners are few: uids of one pod.
Owner RetiredSessions::OwnerOfOldest() const {
  return std::ranges::min_element(
             by_owner_, {},
             [](const auto& item) { return item.second.front().first; })
      ->first;
}

}  // namespace proxymeter::collector
