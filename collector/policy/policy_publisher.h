// Keeps the policy file what it should be.
#ifndef PROXYMETER_COLLECTOR_POLICY_POLICY_PUBLISHER_H_
#define PROXYMETER_COLLECTOR_POLICY_POLICY_PUBLISHER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace proxymeter::collector {

/// What cannot be written, as on a full file system, is tried again until it
/// can: the old policy stays in force so long. Thread-safe.
class PolicyPublisher {
 public:
  explicit PolicyPublisher(
      std::string directory,
      std::chrono::milliseconds period = std::chrono::seconds(1));
  PolicyPublisher(const PolicyPublisher&) = delete;
  PolicyPublisher& operator=(const PolicyPublisher&) = delete;
  ~PolicyPublisher();

  /// Makes `policy` the one in force, at once or as soon as it can be written.
  /// Ok: at once; else why not yet. `written` is called when it has been, on
  /// this thread or another, before anything else is published; it must not
  /// call the publisher.
  absl::Status Publish(std::vector<std::byte> policy,
                       std::function<void()> written = nullptr);

  struct Health {
    std::uint64_t failures = 0;  ///< attempts to write one
    bool degraded = false;       ///< an older one, or none, is in force
  };
  Health health() const;

 private:
  absl::Status TryLocked();
  void Run(std::chrono::milliseconds period);

  const std::string directory_;
  mutable std::mutex mutex_;  // guards all that follows but the thread
  std::condition_variable stop_condition_;
  bool stop_ = false;
  std::vector<std::byte> policy_;  // until it is written
  std::function<void()> written_;
  Health health_;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_POLICY_PUBLISHER_H_
