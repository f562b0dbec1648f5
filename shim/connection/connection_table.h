// What is known of each descriptor?
#ifndef PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
#define PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/connection/connection.h"

namespace proxymeter::shim {

/// Indexed by descriptor, lock-free. A descriptor is a connection, or plain
/// (anything else), or unknown: nobody here saw what made it. Below
/// kFirstKnown all are unknown at first, since they may be inherited; above,
/// only those that arrived in a message.
///
/// Memory for 1,024 descriptors at a time is taken when one of them is first
/// tracked, and kept.
class ConnectionTable {
 public:
  /// The highest value fs.nr_open has by default; a descriptor above it is
  /// never tracked.
  static constexpr std::uint32_t kMaxDescriptors = 1u << 20;

  static constexpr std::uint32_t kFirstKnown = 1024;

  constexpr ConnectionTable() = default;

  /// From here on, low descriptors are unknown until they are looked at; before
  /// it, all are plain.
  void DoubtInherited() {
    blocks_[0].store(first_block_, std::memory_order_release);
  }

  using Entry = std::atomic<Connection*>;

  /// What stands under a plain descriptor.
  static Connection* Plain() { return reinterpret_cast<Connection*>(1); }
  static bool IsConnection(const Connection* entry) {
    return reinterpret_cast<std::uintptr_t>(entry) > 1;
  }

  /// Where the state of `fd` stands; null: plain.
  const Entry* Find(int fd) const {
    const auto index = static_cast<std::uint32_t>(fd);
    if (index >= kMaxDescriptors) return nullptr;
    const Entry* block =
        blocks_[index / kBlock].load(std::memory_order_acquire);
    return block != nullptr ? &block[index % kBlock] : nullptr;
  }

  /// A connection, null for unknown, or Plain(). No reference is taken: the
  /// pointer is good for comparing, and for Connection::TryRetain.
  Connection* Peek(int fd) const {
    const Entry* entry = Find(fd);
    return entry != nullptr ? entry->load(std::memory_order_acquire) : Plain();
  }

  /// Calls `visit(fd)` for every connection from `first` to `last`.
  template <typename Visitor>
  void ForEach(std::uint32_t first, std::uint32_t last, Visitor visit) {
    if (last >= kMaxDescriptors) last = kMaxDescriptors - 1;
    for (std::uint32_t index = first; index <= last;) {
      if (blocks_[index / kBlock].load(std::memory_order_acquire) == nullptr) {
        index = (index / kBlock + 1) * kBlock;
        continue;
      }
      const int fd = static_cast<int>(index++);
      if (IsConnection(Peek(fd))) visit(fd);
    }
  }

  /// Puts `state` (a connection, null for unknown, Plain()) under `fd` and
  /// returns the connection that was there, or null. The table's reference goes
  /// in and out with the pointer. When `stored` comes back false there was no
  /// room, and the caller keeps its reference.
  Connection* Exchange(int fd, Connection* state, bool* stored);

  /// As Exchange, for a descriptor that is still unknown; false when it is not.
  bool Settle(int fd, Connection* state);

  /// Takes memory for the first `descriptors` now.
  void Reserve(std::uint32_t descriptors);

 private:
  static constexpr std::uint32_t kBlock = kFirstKnown;

  // Null when there is no memory.
  Entry* EnsureBlock(std::uint32_t number);

  std::atomic<Entry*> blocks_[kMaxDescriptors / kBlock]{};
  Entry first_block_[kBlock]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
