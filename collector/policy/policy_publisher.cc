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

bool PolicyPublisher::Publish(std::vector<std::byte> policy) {
  const std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  return TryLocked();
}

PolicyPublisher::Health PolicyPublisher::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

// Each second's failure would fill the log; its end is said too.
bool PolicyPublisher::TryLocked() {
  const absl::Status written = WritePolicyFile(directory_, policy_);
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
  return !failed;
}

void PolicyPublisher::Run(std::chrono::milliseconds period) {
  std::unique_lock lock(mutex_);
  while (!stop_condition_.wait_for(lock, period, [this] { return stop_; })) {
    if (health_.degraded) TryLocked();
  }
}

}  // namespace proxymeter::collector
