// Time. The kernel's coarse clocks, read through the vDSO, cost a few loads and
// tick every 1 to 10 ms.
#ifndef PROXYMETER_SHIM_CLOCK_H_
#define PROXYMETER_SHIM_CLOCK_H_

#include <time.h>

#include <atomic>
#include <cstdint>

#include "shim/kernel.h"

namespace proxymeter::shim {

inline std::uint64_t NanosecondsOf(clockid_t clock) {
  timespec now;
  // Cannot fail for these clocks, so errno is safe.
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t MonotonicNs() {
  return NanosecondsOf(CLOCK_MONOTONIC_COARSE);
}

/// To the nanosecond, for some 25 ns: for what happens once a request. A
/// machine without a clock in the vDSO asks the kernel, which a sandbox may
/// forbid.
inline std::uint64_t FineMonotonicNs() {
  return kernel::silent.load(std::memory_order_relaxed)
             ? MonotonicNs()
             : NanosecondsOf(CLOCK_MONOTONIC);
}

inline std::uint64_t UnixNs() { return NanosecondsOf(CLOCK_REALTIME_COARSE); }

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CLOCK_H_
