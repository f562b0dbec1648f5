// The Unix socket that shims send frames to.
#ifndef PROXYMETER_COLLECTOR_INGEST_INGEST_SERVER_H_
#define PROXYMETER_COLLECTOR_INGEST_INGEST_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/accounts/sessions.h"
#include "collector/accounts/settlement.h"
#include "collector/ingest/journal_keeper.h"
#include "collector/ingest/peer_process.h"
#include "collector/ingest/process_table.h"
#include "collector/ingest/run_directory.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

struct IngestOptions {
  /// Between two looks at journals/ and at idle connections.
  std::chrono::milliseconds tick = std::chrono::seconds(1);
  /// A connection that sends nothing for so long is closed. Shims close theirs
  /// after each flush.
  std::chrono::milliseconds idle = std::chrono::seconds(10);
  /// One more closes the oldest. Both this and the next are few enough for the
  /// usual limit of 1024 descriptors.
  std::size_t max_connections = 256;
  /// Processes whose death is awaited by pidfd. The journals of others tell.
  std::size_t max_processes = 512;
  JournalTimes journals{};
  /// Of sockets that are gone; null where the kernel cannot be heard.
  FinalSent final_sent = nullptr;
  /// As that of JournalKeeper.
  JournalKeeper::OnLastReading on_last_reading = nullptr;
};

/// One thread, one epoll. Takes the frames of DIR/collector.sock, notices when
/// their processes die, and keeps the journals.
class IngestServer {
 public:
  /// Binds the socket, adopts the journals that are there, and starts the
  /// thread. `directory` and `sessions` must outlive the server.
  static absl::StatusOr<std::unique_ptr<IngestServer>> Start(
      const RunDirectory& directory, Sessions& sessions,
      const IngestOptions& options = {});

  IngestServer(const IngestServer&) = delete;
  IngestServer& operator=(const IngestServer&) = delete;
  ~IngestServer() { Stop(); }

  /// Takes what is waiting on the socket, reads every journal once more,
  /// removes the socket and ends the thread.
  void Stop();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Connection {
    ScopedFd fd;
    PeerProcess peer;
    TimePoint last_message;
    bool watched = false;
  };
  using Connections = std::map<std::uint64_t, Connection>;

  IngestServer(const RunDirectory& directory, Sessions& sessions,
               const IngestOptions& options);

  absl::Status Bind();
  absl::Status PrepareEvents();
  void Run();
  /// False when asked to stop.
  bool HandleEvents();
  bool AcceptOne();
  void ReceiveAll();
  /// False when the connection is at its end.
  bool Receive(Connection& connection);
  void TakeFrame(Connection& connection, std::size_t bytes);
  void NoteSender(Connection& connection, const SessionId& session,
                  std::int32_t claimed_pid);
  void AddProcess(Connection& connection, const ProcessKey& key,
                  const SessionId& session);
  void ProcessDied(ProcessTable::Id id);
  /// Takes new connections, and what waits on all of them.
  void DrainAll();
  void CloseFinishedSessions();
  void SettleAll();
  void Tick();
  bool Watch(int fd, std::uint64_t tag);

  const IngestOptions options_;
  Sessions& sessions_;
  const std::string socket_path_;
  ProcessTable processes_;
  JournalKeeper keeper_;
  ScopedFd listener_;
  ScopedFd epoll_;
  ScopedFd timer_;
  ScopedFd stop_event_;
  Connections connections_;
  std::uint64_t next_connection_ = 1;
  bool accepting_ = true;
  std::set<SessionId> left_;  // sessions that lost a process just now
  std::vector<char> buffer_;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_INGEST_INGEST_SERVER_H_
