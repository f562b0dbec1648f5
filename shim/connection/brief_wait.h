// Waiting for another thread of the program, within reason.
#ifndef PROXYMETER_SHIM_CONNECTION_BRIEF_WAIT_H_
#define PROXYMETER_SHIM_CONNECTION_BRIEF_WAIT_H_

#include <time.h>

#include <atomic>

#include "shim/kernel.h"

namespace proxymeter::shim {

/// Gives way a few times until `done()`: for what another processor is about to
/// do, or a thread that has just lost this one.
template <typename Done>
void GiveWay(Done done) {
  constexpr int kYields = 20;
  for (int i = 0; i < kYields && !done(); ++i) {
    kernel::Call(SYS_sched_yield);
  }
}

/// Gives way until `done()`, some 10 ms at most; true if it was. A thread may
/// lose its processor between its system call and our report of it: first by
/// yielding, then, since on a busy machine others come first, by sleeping.
template <typename Done>
bool WaitBriefly(Done done) {
  constexpr int kYields = 200;
  constexpr int kSleeps = 40;
  for (int i = 0; i < kYields + kSleeps; ++i) {
    if (done()) return true;
    if (i < kYields) {
      kernel::Call(SYS_sched_yield);
    } else if (!kernel::silent.load(std::memory_order_relaxed)) {
      timespec pause = {.tv_sec = 0, .tv_nsec = 250'000};
      kernel::Call(SYS_nanosleep, &pause, 0);
    }
  }
  return done();
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_BRIEF_WAIT_H_
