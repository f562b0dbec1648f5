// Runs the audit: listens, asks, reads, and tells the accounts.
#ifndef PROXYMETER_COLLECTOR_AUDIT_AUDITOR_H_
#define PROXYMETER_COLLECTOR_AUDIT_AUDITOR_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/accounts/journal_reader.h"
#include "collector/accounts/sessions.h"
#include "collector/audit/audit.h"
#include "collector/audit/audit_health.h"
#include "collector/audit/claim_reader.h"
#include "collector/audit/proxy_addresses.h"
#include "collector/kernel/listeners.h"
#include "collector/kernel/socket_dump.h"
#include "collector/kernel/tcp_socket.h"

namespace proxymeter::collector {

struct AuditorOptions {
  int journals_fd = -1;       ///< must outlive the auditor
  std::string policy_file{};  ///< what crawlers map
  AuditTimes times{};
  std::chrono::milliseconds tick{500};
  /// Between two readings of the claims, and two dumps.
  std::chrono::milliseconds interval = std::chrono::seconds(1);
  /// A dump is followed by no other for so many times as long as it took: the
  /// kernel walks through what is in TIME_WAIT as well.
  int dump_share = 500;
};

/// One thread. Thread-safe.
class Auditor {
 public:
  /// May be told of ends from here on; `sessions` must outlive the auditor. An
  /// error where the kernel does not let us ask.
  static absl::StatusOr<std::unique_ptr<Auditor>> Create(
      Sessions& sessions, const AuditorOptions& options);
  Auditor(const Auditor&) = delete;
  Auditor& operator=(const Auditor&) = delete;
  ~Auditor() { Stop(); }

  /// Begins to look; the policy is where crawlers find it.
  void Start();

  /// The kernel's last word on a socket. Returns at once.
  void OnEnd(const TcpSocket& end);
  /// The kernel found no room for some.
  void OnOverrun();
  /// As ClaimReader::LastReading.
  void OnLastReading(const JournalContents& journal) {
    claims_.LastReading(journal);
  }
  /// As ProxyAddresses::SetNames.
  void SetNames(absl::flat_hash_map<Address, std::vector<std::string>> names);

  /// Looks a last time, tells the accounts, and ends the thread.
  void Stop();

  AuditHealth health() const;

 private:
  using TimePoint = Audit::TimePoint;

  struct Ending {
    TcpSocket socket;
    TimePoint at;
  };

  Auditor(Sessions& sessions, const AuditorOptions& options, SocketDump dump);

  void Run();
  void Look(TimePoint now, bool last);
  void TakeEndings();
  void ReadClaims(TimePoint now);
  void Dump(TimePoint now);
  void FindListeners();
  bool ClosedFirst(const TcpSocket& end);
  void TellAccounts();

  Sessions& sessions_;
  const AuditorOptions options_;
  ClaimReader claims_;

  // Of the thread.
  SocketDump dump_;
  ProxyAddresses addresses_;
  Listeners listeners_;
  Audit audit_;
  TimePoint next_reading_ = TimePoint::min();
  TimePoint next_dump_ = TimePoint::min();

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<Ending> endings_;
  std::optional<absl::flat_hash_map<Address, std::vector<std::string>>> names_;
  std::uint64_t overruns_ = 0;
  AuditHealth health_;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_AUDITOR_H_
