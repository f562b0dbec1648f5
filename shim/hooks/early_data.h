// Plaintext that a TLS client sends before the server has said a word.
#ifndef PROXYMETER_SHIM_HOOKS_EARLY_DATA_H_
#define PROXYMETER_SHIM_HOOKS_EARLY_DATA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/connection/connection.h"
#include "shim/connection/side_lock.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::shim {

/// Early data (RFC 8446, 2.3) counts when the server has accepted it: what it
/// rejects is sent again. Until then it is kept here, for a bounded number of
/// sessions of which the one that has waited longest makes room. With memory
/// BIOs not even the connection is known before.
class EarlyData {
 public:
  /// What tells the session: its client random, or what else is unique. Word 0
  /// is not zero.
  using Key = Connection::ClientRandom;

  constexpr EarlyData() = default;

  /// True when any session waits.
  bool any() const { return waiting_.load(std::memory_order_relaxed) != 0; }

  /// Appends to what the session keeps. False when it could not be kept, or
  /// another session's was given up for it.
  bool Keep(const Key& key, protocol::Bytes data);

  /// Bytes that were given to Keep.
  std::uint64_t Size(const Key& key);

  /// Hands what the session has kept to `report(bytes, rest)`, `rest` being the
  /// number of bytes behind them that found no room, and forgets it.
  template <typename Report>
  void Take(const Key& key, Report report) {
    Slot* slot = Enter(key);
    if (slot == nullptr) return;
    report(protocol::Bytes(slot->data, slot->kept), slot->size - slot->kept);
    slot->word.store(0, std::memory_order_release);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    slot->lock.Leave();
  }
  void Drop(const Key& key) {
    Take(key, [](protocol::Bytes, std::uint64_t) {});
  }

 private:
  static constexpr std::size_t kSlots = 16;
  // What OpenSSL's servers accept by default.
  static constexpr std::size_t kRoom = 16384;

  struct Slot {
    SideLock lock;
    std::atomic<std::uint64_t> word{0};  // of the key; zero: free
    Key key{};
    std::uint64_t size = 0;
    std::size_t kept = 0;
    std::uint8_t data[kRoom]{};
  };

  // The session's slot, locked; null when it has none.
  Slot* Enter(const Key& key);
  // One for a new session, locked; sets `*evicted` when it was another's.
  Slot* Claim(const Key& key, bool* evicted);

  Slot slots_[kSlots]{};
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint32_t> oldest_{0};
};

extern constinit EarlyData early_data;

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_EARLY_DATA_H_
