// HTTP/1 requests that wait for their responses, in order.
#ifndef PROXYMETER_SHIM_CONNECTION_EXCHANGES_H_
#define PROXYMETER_SHIM_CONNECTION_EXCHANGES_H_

#include <atomic>
#include <cstdint>

#include "proxymeter/journal.h"
#include "shim/protocol/http1.h"

namespace proxymeter::shim {

struct Exchange {
  protocol::Method method;
  JournalRow* row;        ///< null for CONNECT, which is no request
  std::uint64_t sent_ns;  ///< FineMonotonicNs when its head was complete
};

/// One sending side pushes, one receiving side answers; neither waits. A
/// response that is read before the other thread has reported its request is
/// answered all the same: the two counts meet again when it has.
class Exchanges {
 public:
  static constexpr std::uint32_t kCapacity = 16;

  constexpr Exchanges() = default;

  void Clear() {
    pushed_.store(0, std::memory_order_relaxed);
    answered_.store(0, std::memory_order_relaxed);
  }

  /// False when more requests are in flight than are remembered.
  bool Push(const Exchange& exchange) {
    const std::uint32_t pushed = pushed_.load(std::memory_order_relaxed);
    const std::uint32_t answered = answered_.load(std::memory_order_acquire);
    if (static_cast<std::int32_t>(pushed - answered) >=
        static_cast<std::int32_t>(kCapacity)) {
      return false;
    }
    ring_[pushed % kCapacity] = exchange;
    pushed_.store(pushed + 1, std::memory_order_release);
    return true;
  }

  /// The request that the next response answers, or null.
  const Exchange* Oldest() const {
    const std::uint32_t answered = answered_.load(std::memory_order_relaxed);
    const std::uint32_t pushed = pushed_.load(std::memory_order_acquire);
    return static_cast<std::int32_t>(pushed - answered) > 0
               ? &ring_[answered % kCapacity]
               : nullptr;
  }

  /// True when no request has been sent, for the receiving side to ask.
  bool Unused() const {
    return pushed_.load(std::memory_order_acquire) == 0 &&
           answered_.load(std::memory_order_relaxed) == 0;
  }

  void Answer() {
    answered_.store(answered_.load(std::memory_order_relaxed) + 1,
                    std::memory_order_release);
  }

 private:
  std::atomic<std::uint32_t> pushed_{0};
  std::atomic<std::uint32_t> answered_{0};
  Exchange ring_[kCapacity]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_EXCHANGES_H_
