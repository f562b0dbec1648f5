// Who flushes, and for how long.
#ifndef PROXYMETER_SHIM_UPLINK_TURNS_H_
#define PROXYMETER_SHIM_UPLINK_TURNS_H_

#include <atomic>
#include <cstdint>

namespace proxymeter::shim {

/// One thread at a time does a job that others may ask for meanwhile. Nobody
/// waits: whoever finds it being done leaves his wish behind.
class Turns {
 public:
  /// So many turns on end are one thread's lot: it has its own work to do.
  static constexpr int kMostTurns = 8;

  constexpr Turns() = default;

  /// Calls `turn` unless somebody is at it, and again for whoever asked with
  /// `insists` meanwhile. `generation` is the process's: a turn that a fork
  /// caught half-way does not bar the child. False when a wish is left over.
  template <typename Turn>
  bool Take(std::uint32_t generation, bool insists, Turn turn) {
    if (insists) wanted_.store(true);
    for (int turns = 0; turns < kMostTurns; ++turns) {
      if (!Enter(generation + 1)) return true;
      wanted_.store(false);
      turn();
      holder_.store(0);
      if (!wanted_.load()) return true;
    }
    return false;
  }

 private:
  bool Enter(std::uint32_t mine) {
    std::uint32_t holder = holder_.load();
    return holder != mine && holder_.compare_exchange_strong(holder, mine);
  }

  // Generation + 1 of whose turn it is, 0 for nobody.
  std::atomic<std::uint32_t> holder_{0};
  // Since the last turn began somebody asked for another.
  std::atomic<bool> wanted_{false};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_UPLINK_TURNS_H_
