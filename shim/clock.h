// Time, at the price of a few loads: the kernel's coarse clocks, read through
// the vDSO, tick every 1 to 10 ms.
#ifndef PROXYMETER_SHIM_CLOCK_H_
#define PROXYMETER_SHIM_CLOCK_H_

#include <time.h>

#include <cstdint>

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

inline std::uint64_t UnixNs() { return NanosecondsOf(CLOCK_REALTIME_COARSE); }

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CLOCK_H_
