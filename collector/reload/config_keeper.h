// Keeps in force what the configuration's file says.
#ifndef PROXYMETER_COLLECTOR_RELOAD_CONFIG_KEEPER_H_
#define PROXYMETER_COLLECTOR_RELOAD_CONFIG_KEEPER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/policy/policy_publisher.h"
#include "collector/reload/compiled_config.h"
#include "collector/reload/config_in_force.h"
#include "collector/reload/file_watch.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

enum class ReloadResult : std::uint8_t {
  kOk,         ///< what the file says is in force
  kUnchanged,  ///< it was before, and nothing was written
  kFailed,     ///< what was in force still is
};

struct ReloadAnswer {
  ReloadResult result = ReloadResult::kFailed;
  std::string error{};  ///< the whole of it; empty unless failed
  std::shared_ptr<const InForce> in_force{};  ///< now
};

/// The file is read, compiled and validated on a thread of its own, beside the
/// policy in force, and replaces it in one step; whatever is wrong with it
/// leaves everything as it is. Causes: the file, or one that it refers to,
/// changed; Request; a failure some time ago. Thread-safe.
class ConfigKeeper {
 public:
  struct Options {
    std::string config_file{};  ///< empty: there are no vendors
    FileWatch::Options watch{};
    /// A change is acted on when nothing has changed for `quiet`, so that what
    /// is half written is not read, but at the latest after `unrest`.
    std::chrono::milliseconds quiet{50};
    std::chrono::milliseconds unrest{1000};
    /// What failed may be right again without a change that can be seen, as
    /// with permissions. At least ten times what the attempt took.
    std::chrono::milliseconds retry = std::chrono::seconds(10);
    std::size_t max_requests = 256;  ///< that wait
  };
  using Done = std::function<void(const ReloadAnswer&)>;

  /// Reads the file; on an error nothing was touched.
  static absl::StatusOr<std::unique_ptr<ConfigKeeper>> Load(Options options);

  ConfigKeeper(const ConfigKeeper&) = delete;
  ConfigKeeper& operator=(const ConfigKeeper&) = delete;
  ~ConfigKeeper() { Stop(); }

  /// Writes the policy into `directory`, at once or as soon as it can be, and
  /// follows the files from here on. Once.
  void Start(const std::string& directory);
  void Stop();

  /// Has the file read anew, whether it has changed or not. `done` is called on
  /// another thread, with the outcome of a reading that began after this call;
  /// with a failure when the keeper stops first. False: too many are waiting.
  bool Request(Done done = nullptr);

  ConfigInForce& in_force() { return in_force_; }

  struct Health {
    std::uint64_t ok = 0;  ///< times another one came into force
    std::uint64_t unchanged = 0;
    std::uint64_t failed = 0;
    bool failing = false;  ///< what the file says is not in force
    PolicyPublisher::Health published{};
  };
  Health health() const;

 private:
  ConfigKeeper(Options options, std::unique_ptr<FileWatch> watch,
               CompiledConfig first);

  void Run();
  void Wait(std::chrono::milliseconds longest);
  void AwaitQuiet();
  void Retry(std::chrono::steady_clock::duration took);
  bool stopping() const;

  ReloadAnswer Attempt(bool asked);
  absl::StatusOr<CompiledConfig> Read();
  absl::Status Publish(CompiledConfig compiled);
  void Failed(const std::string& error, bool asked);

  const Options options_;
  ConfigInForce in_force_;
  std::vector<std::byte> first_policy_;  // until Start
  std::unique_ptr<FileWatch> watch_;     // the thread's
  std::chrono::steady_clock::time_point retry_at_ =
      std::chrono::steady_clock::time_point::max();  // the thread's
  std::string said_;          // the thread's: last error logged
  ScopedFd wake_;             // eventfd: a request, or the end
  mutable std::mutex mutex_;  // guards what follows, up to the publisher
  bool stop_ = false;
  std::vector<Done> requests_;
  Health health_;
  std::unique_ptr<PolicyPublisher> publisher_;  // set before the thread begins
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RELOAD_CONFIG_KEEPER_H_
