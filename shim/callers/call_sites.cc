#include "shim/callers/call_sites.h"

#include <errno.h>

namespace proxymeter::shim {

bool CallSites::IsSampled(std::uint32_t number) {
  if (number < kCallersAllOfFirst) return true;
  // Fibonacci hashing: the upper bits are as good as chance.
  const std::uint64_t mixed = number * std::uint64_t{0x9e3779b97f4a7c15};
  return (mixed >> 40) % kCallersOneOf == 0;
}

void CallSites::Count(std::string_view vendor) {
  const std::uint32_t number =
      connections_.fetch_add(1, std::memory_order_relaxed);
  RowKey key = {.kind = RowKind::kCaller,
                .vendor = vendor,
                .destination = kUnknownDestination};
  if (!IsSampled(number)) {
    Add(meter_->Find(key), kCallerNotSampled, 1);
    return;
  }
  const int saved_errno = errno;
  // Without a journal to write this process may not open files any more, and
  // loading a library is nothing to try in a sandbox.
  const bool may_load = meter_->journal().is_file();
  CallerFinder finder;
  const Unwinder unwinder =
      walker_.Walk(may_load, process_->generation(), &finder);
  errno = saved_errno;
  if (unwinder == Unwinder::kNone) {
    Add(meter_->Find(key), kCallerNotSafe, 1);
    return;
  }
  key.code = static_cast<std::uint16_t>(unwinder);
  key.destination = finder.caller();
  Add(meter_->Find(key), kCallerConnections, 1);
}

}  // namespace proxymeter::shim
