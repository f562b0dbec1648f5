// Streams on which DNS servers answer (RFC 7766).
#ifndef PROXYMETER_SHIM_CONNECTION_DNS_STREAMS_H_
#define PROXYMETER_SHIM_CONNECTION_DNS_STREAMS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/connection/side_lock.h"
#include "shim/protocol/bytes.h"
#include "shim/protocol/dns_messages.h"

namespace proxymeter::shim {

/// RFC 1035, 4.2.
inline constexpr std::uint16_t kDnsPort = 53;

/// What has come so far of the messages of the latest kMost streams; the oldest
/// one makes room, and is not listened to any more. No call waits: a stream
/// that two threads read at once has no order of bytes, and is given up.
class DnsStreams {
 public:
  static constexpr std::uint32_t kMost = 32;

  /// Who has the stream: a connection, or a descriptor that has none.
  using Owner = std::uintptr_t;
  static Owner Of(int fd) { return static_cast<Owner>(fd) + 1; }
  static Owner Of(const void* connection) {
    return reinterpret_cast<Owner>(connection);
  }

  constexpr DnsStreams() = default;

  /// Its first byte is still to come. `process` is Process::generation: a child
  /// that reads its parent's stream has only a part of it.
  void Begin(Owner owner, std::uint32_t process);
  void End(Owner owner);

  /// Hands each message that `data` completes to `visit`.
  template <typename Visitor>
  void Received(Owner owner, std::uint32_t process, protocol::Bytes data,
                Visitor visit) {
    Slot* slot = Find(owner);
    if (slot == nullptr) return;
    if (!slot->lock.TryEnter()) {
      slot->lost.store(true, std::memory_order_relaxed);
      return;
    }
    if (slot->owner.load(std::memory_order_relaxed) == owner &&
        slot->process == process) {
      if (slot->lost.load(std::memory_order_relaxed)) slot->messages.Lose();
      while (true) {
        const protocol::Bytes message = slot->messages.Consume(&data);
        if (message.empty()) break;
        visit(message);
      }
    }
    slot->lock.Leave();
  }
  /// Bytes came that nobody saw.
  void Lose(Owner owner);

  /// As when the process began. For tests.
  void Clear();

 private:
  struct Slot {
    std::atomic<Owner> owner{0};  // 0 is nobody
    std::atomic<std::uint32_t> since{0};
    std::atomic<bool> lost{false};
    SideLock lock;
    // Under the lock:
    std::uint32_t process = 0;
    protocol::DnsMessages messages;
  };

  Slot* Find(Owner owner) {
    for (Slot& slot : slots_) {
      if (slot.owner.load(std::memory_order_acquire) == owner) return &slot;
    }
    return nullptr;
  }

  std::atomic<std::uint32_t> begun_{0};
  // Apart from the object: all zero, it takes no room in the library's file,
  // and no memory until it is used.
  static Slot slots_[kMost];
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_DNS_STREAMS_H_
