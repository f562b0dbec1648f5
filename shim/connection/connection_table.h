// Which connection does a descriptor belong to?
#ifndef PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
#define PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_

#include <atomic>
#include <cstdint>

#include "shim/connection/connection.h"

namespace proxymeter::shim {

/// Indexed by descriptor, lock-free. Memory for 1,024 descriptors at a time is
/// taken when one of them is first tracked, and kept.
class ConnectionTable {
 public:
  /// The highest value fs.nr_open has by default; a descriptor above it is
  /// never tracked.
  static constexpr std::uint32_t kMaxDescriptors = 1u << 20;

  constexpr ConnectionTable() = default;

  using Entry = std::atomic<Connection*>;

  /// Where the connection of `fd` stands, or null when none ever stood there.
  const Entry* Find(int fd) const {
    const auto index = static_cast<std::uint32_t>(fd);
    if (index >= kMaxDescriptors) return nullptr;
    const Entry* block =
        blocks_[index / kBlock].load(std::memory_order_acquire);
    return block != nullptr ? &block[index % kBlock] : nullptr;
  }

  /// The connection of `fd` or null. No reference is taken: the pointer is good
  /// for comparing, and for Connection::TryRetain.
  Connection* Peek(int fd) const {
    const Entry* entry = Find(fd);
    return entry != nullptr ? entry->load(std::memory_order_acquire) : nullptr;
  }

  /// Calls `visit(fd)` for every entry in use from `first` to `last`.
  template <typename Visitor>
  void ForEach(std::uint32_t first, std::uint32_t last, Visitor visit) {
    if (last >= kMaxDescriptors) last = kMaxDescriptors - 1;
    for (std::uint32_t index = first; index <= last;) {
      if (blocks_[index / kBlock].load(std::memory_order_acquire) == nullptr) {
        index = (index / kBlock + 1) * kBlock;
        continue;
      }
      const int fd = static_cast<int>(index++);
      if (Peek(fd) != nullptr) visit(fd);
    }
  }

  /// Puts `connection` (or null) under `fd` and returns what was there. The
  /// table's reference goes in and out with the pointer. When `stored` comes
  /// back false there was no room, and the caller keeps its reference.
  Connection* Exchange(int fd, Connection* connection, bool* stored);

 private:
  static constexpr std::uint32_t kBlock = 1024;

  std::atomic<Entry*> blocks_[kMaxDescriptors / kBlock]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
