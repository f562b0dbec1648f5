// The collector: one per pod.
#ifndef PROXYMETER_COLLECTOR_COLLECTOR_H_
#define PROXYMETER_COLLECTOR_COLLECTOR_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace proxymeter::collector {

struct CollectorOptions {
  std::string directory;    ///< where shims and collector meet
  std::string config_file;  ///< vendors in YAML; empty: none
  std::string metrics_listen = "127.0.0.1:9099";  ///< HOST:PORT for HTTP
  std::string grpc_listen = "127.0.0.1:9098";     ///< HOST:PORT for gRPC
  std::string ledger_file{};  ///< empty: `ledger.db` in the directory
  /// A destination without traffic for so long loses its series; 0: never.
  std::chrono::seconds fold_idle = std::chrono::hours(24);
  std::size_t max_destinations = 10000;  ///< of each vendor
  /// Compare what crawlers report with what the kernel says, and meter by its
  /// word what nobody reports.
  bool audit = true;
  /// After SIGTERM, how long to go on serving until a last scrape has come.
  std::chrono::seconds linger{0};
};

/// Everything that a collector runs, in the order of its need.
class Collector {
 public:
  explicit Collector(CollectorOptions options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector();

  /// Writes the policy, opens the directory and starts all servers. On an
  /// error nothing is left running; a mistake in the configuration is reported
  /// before anything is touched, with file, line and field. That ledger or
  /// policy cannot be written now is no error: it is tried again.
  absl::Status Start();

  /// Has the configuration read anew, on a thread of its own, as a change of
  /// its file does. On an error the old policy stays.
  void RequestReload();

  /// Takes what is waiting, reads the journals once more and writes all of it
  /// down. Metrics are served still, and change no more.
  void Drain();
  /// Scrapes answered so far.
  std::uint64_t scrapes() const;

  /// Drains, then ends all servers.
  void Stop();

  /// HOST:PORT with the ports that were bound; only between Start and Stop.
  const std::string& metrics_address() const;
  const std::string& grpc_address() const;

 private:
  struct Running;

  const CollectorOptions options_;
  std::unique_ptr<Running> running_;
};

/// Runs a collector until SIGTERM or SIGINT; SIGHUP reloads the configuration.
/// Logs to standard error. To be called before other threads are started: it
/// blocks these signals.
absl::Status RunCollector(const CollectorOptions& options);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_COLLECTOR_H_
