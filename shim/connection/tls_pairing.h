// Which connection carries the TLS session with this client random?
#ifndef PROXYMETER_SHIM_CONNECTION_TLS_PAIRING_H_
#define PROXYMETER_SHIM_CONNECTION_TLS_PAIRING_H_

#include <atomic>
#include <cstdint>

#include "shim/connection/connection.h"

namespace proxymeter::shim {

/// A lock-free table of the connections whose ClientHello was seen leaving.
/// The randoms themselves stand in the connections; randomness makes them
/// their own hash.
class TlsPairing {
 public:
  constexpr TlsPairing() = default;

  /// Word 0 of the random is the hash. False when the neighbourhood is full.
  bool Insert(std::uint64_t word, Connection* connection);
  void Remove(std::uint64_t word, const Connection* connection);

  /// Calls `visit(connection)` for what may carry `word` until it returns true.
  template <typename Visitor>
  [[gnu::always_inline]] bool Visit(std::uint64_t word, Visitor visit) const {
    for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
      Connection* connection =
          slots_[Slot(word, probe)].load(std::memory_order_acquire);
      if (connection != nullptr && visit(connection)) return true;
    }
    return false;
  }

 private:
  static constexpr std::uint32_t kSlots = 8192;
  static constexpr std::uint32_t kProbes = 16;

  static std::uint32_t Slot(std::uint64_t word, std::uint32_t probe) {
    return (static_cast<std::uint32_t>(word) + probe) % kSlots;
  }

  std::atomic<Connection*> slots_[kSlots]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_TLS_PAIRING_H_
