// Waiting in tests for what another thread or process does.
#ifndef PROXYMETER_COLLECTOR_TESTING_WAIT_FOR_H_
#define PROXYMETER_COLLECTOR_TESTING_WAIT_FOR_H_

#include <chrono>
#include <functional>
#include <thread>

namespace proxymeter::collector {

/// True as soon as `condition` holds; false when it does not within a time
/// that only a broken program or machine needs.
inline bool WaitFor(const std::function<bool()>& condition) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_TESTING_WAIT_FOR_H_
