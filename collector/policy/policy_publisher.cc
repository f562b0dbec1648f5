#include "collector/policy/policy_publisher.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "collector/policy/policy_file.h"

namespace proxymeter::collector {

PolicyPublisher::PolicyPublisher(std::string directory,
                                 std::chrono::milliseconds period)
    : directory_(std::move(directory)),
      thread_([this, period] { Run(period); }) {}

PolicyPublisher::~PolicyPublisher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_condition_.notify_all();
  thread_.join();
}

absl::Status PolicyPublisher::Publish(std::vector<std::byte> policy,
                                      std::function<void()> written) {
  const std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  written_ = std::move(written);
  return TryLocked();
}

PolicyPublisher::Health PolicyPublisher::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

// Each second's failure would fill the log; its end is said too.
absl::Status PolicyPublisher::TryLocked() {
  absl::Status written = WritePolicyFile(directory_, policy_);
  const bool failed = !written.ok();
  const bool before = std::exchange(health_.degraded, failed);
  if (failed) ++health_.failures;
  if (failed && !before) {
    spdlog::error(
        "event=policy_failed error=\"{}\" advice=\"the policy that is there "
        "stays in force; tried again every second\"",
        std::string(written.message()));
  } else if (before && !failed) {
    spdlog::info("event=policy_recovered dir={}", directory_);
  }
  if (failed) return written;
  // It may be large.
  policy_ = {};
  if (written_ != nullptr) std::exchange(written_, nullptr)();
  return written;
}

void PolicyPublisher::Run(std::chrono::milliseconds period) {
  std::unique_lock lock(mutex_);
  while (!stop_condition_.wait_for(lock, period, [this] { return stop_; })) {
    if (health_.degraded) TryLocked().IgnoreError();  // It is said there.
  }
}

}  // namespace proxymeter::collector
