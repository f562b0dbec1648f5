// What is known of each descriptor?
#ifndef PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
#define PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/connection/connection.h"

namespace proxymeter::shim {

/// Indexed by descriptor, lock-free. A descriptor is a connection, or plain
/// (anything else), or unknown: nobody here saw what made it. Unknown are those
/// that may be inherited, and those that arrived in a message. What asks a DNS
/// server is plain but for what comes in, which is listened to.
///
/// Below kFlat the table is one array, of which memory is touched a page for
/// 512 descriptors; above, memory for 1,024 at a time is taken when one of them
/// is first tracked, and kept.
class ConnectionTable {
 public:
  /// The highest value fs.nr_open has by default; a descriptor above it is
  /// never tracked.
  static constexpr std::uint32_t kMaxDescriptors = 1u << 20;
  static constexpr std::uint32_t kFlat = 1u << 16;

  constexpr ConnectionTable() = default;

  using Entry = std::atomic<Connection*>;

  /// What stands under a plain descriptor.
  static Connection* Plain() { return reinterpret_cast<Connection*>(1); }
  /// The same where DNS answers come: in datagrams, or in a stream.
  static Connection* DnsDatagrams() { return reinterpret_cast<Connection*>(2); }
  static Connection* DnsStream() { return reinterpret_cast<Connection*>(3); }
  static bool IsConnection(const Connection* entry) {
    return reinterpret_cast<std::uintptr_t>(entry) > 3;
  }

  /// Where the state of `fd` stands; null: plain.
  const Entry* Find(int fd) const {
    const auto index = static_cast<std::uint32_t>(fd);
    if (index < kFlat) [[likely]]
      return &flat_[index];
    if (index >= kMaxDescriptors) return nullptr;
    const Entry* block =
        blocks_[index / kBlock].load(std::memory_order_acquire);
    return block != nullptr ? &block[index % kBlock] : nullptr;
  }

  /// A connection, null for unknown, or one of the above. No reference is
  /// taken: the pointer is good for comparing, and for Connection::TryRetain.
  Connection* Peek(int fd) const {
    const Entry* entry = Find(fd);
    return entry != nullptr ? entry->load(std::memory_order_acquire) : Plain();
  }

  /// Calls `visit(fd)` for every connection from `first` to `last`.
  template <typename Visitor>
  void ForEach(std::uint32_t first, std::uint32_t last, Visitor visit) {
    if (last >= kMaxDescriptors) last = kMaxDescriptors - 1;
    for (std::uint32_t index = first; index <= last;) {
      if (index >= kFlat &&
          blocks_[index / kBlock].load(std::memory_order_acquire) == nullptr) {
        index = (index / kBlock + 1) * kBlock;
        continue;
      }
      const int fd = static_cast<int>(index++);
      if (IsConnection(Peek(fd))) visit(fd);
    }
  }

  /// Puts `state` (a connection, null for unknown, or one of the above) under
  /// `fd` and returns the connection that was there, or null. The table's
  /// reference goes in and out with the pointer. When `stored` comes back false
  /// there was no room, and the caller keeps its reference.
  Connection* Exchange(int fd, Connection* state, bool* stored);

  /// As Exchange, for a descriptor that is still unknown; false when it is not.
  bool Settle(int fd, Connection* state);

  /// Every descriptor is unknown again, as when the process began. For tests.
  void Clear();

 private:
  static constexpr std::uint32_t kBlock = 1024;

  // Null when there is no memory.
  Entry* EnsureBlock(std::uint32_t number);

  std::atomic<Entry*> blocks_[kMaxDescriptors / kBlock]{};
  // Apart from the object, which has an initial value: all zero, it takes no
  // room in the library's file.
  static Entry flat_[kFlat];
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_CONNECTION_TABLE_H_
