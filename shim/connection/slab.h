// Objects of one type in memory of our own, handed out and taken back without
// locks. The memory is never unmapped: a stale pointer always points to an
// object of this type, which its own reference count then tells to be dead.
#ifndef PROXYMETER_SHIM_CONNECTION_SLAB_H_
#define PROXYMETER_SHIM_CONNECTION_SLAB_H_

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "shim/kernel.h"

namespace proxymeter::shim {

/// At most kChunks * kObjectsPerChunk objects. Safe in signal handlers and
/// across fork. `T` is constructed anew at each Allocate, over whatever the
/// last one left; it must be trivially destructible.
template <typename T, std::uint32_t kObjectsPerChunk = 32,
          std::uint32_t kChunks = 2048>
class Slab {
 public:
  constexpr Slab() = default;

  /// Null when memory or indexes have run out. `T` must be assignable while
  /// another thread looks at its atomics: construction is the caller's.
  T* Allocate() {
    Node* node = Pop();
    if (node == nullptr) node = Fresh();
    return node != nullptr ? &node->object : nullptr;
  }

  /// Takes memory for the first `objects` now.
  void Reserve(std::uint32_t objects) {
    for (std::uint32_t i = 0; i < objects; i += kObjectsPerChunk) {
      if (!EnsureChunk(i / kObjectsPerChunk)) return;
    }
  }

  /// `object` came from Allocate and has not been freed since.
  void Free(T* object) {
    Node* node = reinterpret_cast<Node*>(reinterpret_cast<char*>(object) -
                                         offsetof(Node, object));
    std::uint64_t head = free_.load(std::memory_order_acquire);
    std::uint64_t next;
    do {
      node->next.store(static_cast<std::uint32_t>(head),
                       std::memory_order_relaxed);
      next = Tagged(head, node->index + 1);
    } while (
        !free_.compare_exchange_weak(head, next, std::memory_order_acq_rel));
  }

 private:
  static_assert(std::is_trivially_destructible_v<T>);

  struct Node {
    std::atomic<std::uint32_t> next;  // index + 1 of the next free one, or 0
    std::uint32_t index;
    T object;
  };

  // The upper half counts changes, so that a head popped, used and pushed back
  // meanwhile is not taken for the same head.
  static std::uint64_t Tagged(std::uint64_t head, std::uint32_t low) {
    return ((head >> 32) + 1) << 32 | low;
  }

  Node* At(std::uint32_t index) {
    return chunks_[index / kObjectsPerChunk].load(std::memory_order_acquire) +
           index % kObjectsPerChunk;
  }

  Node* Pop() {
    std::uint64_t head = free_.load(std::memory_order_acquire);
    for (;;) {
      const auto low = static_cast<std::uint32_t>(head);
      if (low == 0) return nullptr;
      Node* node = At(low - 1);
      const std::uint64_t next =
          Tagged(head, node->next.load(std::memory_order_relaxed));
      if (free_.compare_exchange_weak(head, next, std::memory_order_acq_rel)) {
        return node;
      }
    }
  }

  Node* Fresh() {
    std::uint32_t index = used_.load(std::memory_order_relaxed);
    do {
      if (index >= kObjectsPerChunk * kChunks) return nullptr;
      if (!EnsureChunk(index / kObjectsPerChunk)) return nullptr;
    } while (!used_.compare_exchange_weak(index, index + 1,
                                          std::memory_order_relaxed));
    Node* node = At(index);
    node->index = index;
    return node;
  }

  bool EnsureChunk(std::uint32_t chunk) {
    if (chunks_[chunk].load(std::memory_order_acquire) != nullptr) return true;
    constexpr long kBytes = sizeof(Node) * kObjectsPerChunk;
    const long memory =
        kernel::Call(SYS_mmap, 0, kBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0 && memory > -4096) return false;
    Node* expected = nullptr;
    if (!chunks_[chunk].compare_exchange_strong(expected,
                                                reinterpret_cast<Node*>(memory),
                                                std::memory_order_acq_rel)) {
      kernel::Call(SYS_munmap, memory, kBytes);
    }
    return true;
  }

  std::atomic<std::uint64_t> free_{0};
  std::atomic<std::uint32_t> used_{0};
  std::atomic<Node*> chunks_[kChunks]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_SLAB_H_
