// Places in a commit where a test kills the collector.
#ifndef PROXYMETER_COLLECTOR_LEDGER_COMMIT_POINTS_H_
#define PROXYMETER_COLLECTOR_LEDGER_COMMIT_POINTS_H_

#ifdef PROXYMETER_FAULT_INJECTION
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>
#endif

namespace proxymeter::collector {

/// In builds with PROXYMETER_FAULT_INJECTION: kills the process the Nth time
/// that it reaches the point called `name`, where the environment variable
/// PROXYMETER_DIE_AT says `name:N`. In others: nothing.
#ifdef PROXYMETER_FAULT_INJECTION
inline void ReachCommitPoint(std::string_view name) {
  const char* text = std::getenv("PROXYMETER_DIE_AT");
  if (text == nullptr) return;
  const std::string_view wanted = text;
  const std::size_t colon = wanted.find(':');
  if (colon == wanted.npos || wanted.substr(0, colon) != name) return;
  static std::atomic<int> reached = 0;
  if (++reached == std::atoi(text + colon + 1)) kill(getpid(), SIGKILL);
}
#else
inline void ReachCommitPoint(const char*) {}
#endif

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_COMMIT_POINTS_H_
