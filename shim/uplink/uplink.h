// Streams changed rows to the collector.
#ifndef PROXYMETER_SHIM_UPLINK_UPLINK_H_
#define PROXYMETER_SHIM_UPLINK_UPLINK_H_

#include <atomic>
#include <cstdint>

#include "proxymeter/limits.h"
#include "shim/clock.h"
#include "shim/environment.h"
#include "shim/meter/meter.h"
#include "shim/process.h"
#include "shim/uplink/turns.h"

namespace proxymeter::shim {

/// At most one flush a second, made from inside an intercepted call: open,
/// send, close, never waiting. What does not get through is said again by the
/// next flush, or read from the journal.
class Uplink {
 public:
  constexpr Uplink(const Environment* environment, Meter* meter,
                   Process* process)
      : environment_(environment), meter_(meter), process_(process) {}

  /// Flushes if the last flush is a second ago. Where nothing `happened` but
  /// bytes going by, even the clock is read only now and then: a process that
  /// falls silent in between has its journal read.
  void Tick(bool happened = true) {
    if (!happened) {
      // Two threads may count as one here, which costs nothing.
      const std::uint32_t calls = calls_.load(std::memory_order_relaxed) + 1;
      calls_.store(calls, std::memory_order_relaxed);
      if (calls % kCallsPerLook != 0) return;
    }
    if (MonotonicNs() >= next_flush_ns_.load(std::memory_order_relaxed)) {
      Flush();
    }
  }

  /// Flushes now, unless the process is in a sandbox. Another thread that is at
  /// it is left to it; where there is no file that tells the rest, it flushes
  /// once more, unless it has done so several times: then the next call does.
  void Flush();

 private:
  static constexpr std::uint32_t kCallsPerLook = 16;

  void SendChangedRows();

  const Environment* environment_;
  Meter* meter_;
  Process* process_;
  std::atomic<std::uint32_t> calls_{0};
  std::atomic<std::uint64_t> next_flush_ns_{0};
  Turns turns_;
  std::uint8_t buffer_[kMaxFrameBytes / 2]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_UPLINK_UPLINK_H_
