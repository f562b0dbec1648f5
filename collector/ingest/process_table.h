// Which live processes report to which session.
#ifndef PROXYMETER_COLLECTOR_INGEST_PROCESS_TABLE_H_
#define PROXYMETER_COLLECTOR_INGEST_PROCESS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "collector/accounts/session_id.h"
#include "collector/ingest/peer_process.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

/// A process has one session at a time, as exec begins a new one; forks share
/// theirs.
class ProcessTable {
 public:
  explicit ProcessTable(std::size_t max_processes)
      : max_processes_(max_processes) {}

  /// A number for a process in this table, never used again.
  using Id = std::uint64_t;

  /// The process with this key, if it is known and alive.
  std::optional<Id> Find(const ProcessKey& key) const;

  /// Notes a process; nothing when the table is full.
  std::optional<Id> Add(const ProcessKey& key, ScopedFd pidfd,
                        const SessionId& session);

  /// Notes that a known process reports to `session` now. Returns the session
  /// that it has left, if any.
  std::optional<SessionId> Move(Id id, const SessionId& session);

  /// Forgets a process, closing its pidfd. Returns its session.
  std::optional<SessionId> Remove(Id id);

  /// -1 for an unknown id.
  int pidfd(Id id) const;
  bool HasProcess(const SessionId& session) const {
    return processes_of_.contains(session);
  }

 private:
  struct Process {
    ProcessKey key;
    ScopedFd pidfd;
    SessionId session{};
  };

  void Release(const SessionId& session);

  const std::size_t max_processes_;
  Id next_id_ = 1;
  std::map<Id, Process> processes_;
  std::map<ProcessKey, Id> ids_;
  std::map<SessionId, int> processes_of_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_INGEST_PROCESS_TABLE_H_
