#include "collector/ingest/process_table.h"

#include <utility>

namespace proxymeter::collector {

std::optional<ProcessTable::Id> ProcessTable::Find(
    const ProcessKey& key) const {
  const auto found = ids_.find(key);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<ProcessTable::Id> ProcessTable::Add(const ProcessKey& key,
                                                  ScopedFd pidfd,
                                                  const SessionId& session) {
  if (processes_.size() >= max_processes_) return std::nullopt;
  const Id id = next_id_++;
  ids_[key] = id;
  processes_[id] = {key, std::move(pidfd), session};
  ++processes_of_[session];
  return id;
}

std::optional<SessionId> ProcessTable::Move(Id id, const SessionId& session) {
  const auto found = processes_.find(id);
  if (found == processes_.end() || found->second.session == session) {
    return std::nullopt;
  }
  ++processes_of_[session];
  const SessionId left = std::exchange(found->second.session, session);
  Release(left);
  return left;
}

std::optional<SessionId> ProcessTable::Remove(Id id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return std::nullopt;
  const SessionId session = found->second.session;
  ids_.erase(found->second.key);
  processes_.erase(found);
  Release(session);
  return session;
}

int ProcessTable::pidfd(Id id) const {
  const auto found = processes_.find(id);
  return found == processes_.end() ? -1 : found->second.pidfd.get();
}

void ProcessTable::Release(const SessionId& session) {
  const auto found = processes_of_.find(session);
  if (--found->second == 0) processes_of_.erase(found);
}

}  // namespace proxymeter::collector
