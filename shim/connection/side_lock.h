// Keeps two threads out of one direction of one connection, without waiting.
#ifndef PROXYMETER_SHIM_CONNECTION_SIDE_LOCK_H_
#define PROXYMETER_SHIM_CONNECTION_SIDE_LOCK_H_

#include <atomic>

namespace proxymeter::shim {

/// Who does not get in counts bytes and gives up on parsing: an application
/// that writes to one stream from two threads at once has no order of bytes
/// either. A signal handler that finds its own thread inside does the same.
class SideLock {
 public:
  constexpr SideLock() = default;

  bool TryEnter() { return !inside_.exchange(true, std::memory_order_acquire); }
  void Leave() { inside_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> inside_{false};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_SIDE_LOCK_H_
