#include "shim/connection/connection_table.h"

#include <sys/mman.h>

#include "shim/kernel.h"

namespace proxymeter::shim {

constinit ConnectionTable::Entry ConnectionTable::flat_[kFlat];

ConnectionTable::Entry* ConnectionTable::EnsureBlock(std::uint32_t number) {
  std::atomic<Entry*>& slot = blocks_[number];
  Entry* block = slot.load(std::memory_order_acquire);
  if (block != nullptr) return block;
  constexpr long kBytes = kBlock * sizeof(Entry);
  const long memory = kernel::Call(SYS_mmap, 0, kBytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory < 0 && memory > -4096) return nullptr;
  auto* fresh = reinterpret_cast<Entry*>(memory);
  for (std::uint32_t i = 0; i < kBlock; ++i) {
    fresh[i].store(Plain(), std::memory_order_relaxed);
  }
  if (slot.compare_exchange_strong(block, fresh, std::memory_order_acq_rel)) {
    return fresh;
  }
  kernel::Call(SYS_munmap, memory, kBytes);
  return block;
}

void ConnectionTable::Clear() {
  for (Entry& entry : flat_) entry.store(nullptr, std::memory_order_relaxed);
  for (auto& block : blocks_) block.store(nullptr, std::memory_order_relaxed);
}

Connection* ConnectionTable::Exchange(int fd, Connection* state, bool* stored) {
  *stored = false;
  const auto index = static_cast<std::uint32_t>(fd);
  if (index >= kMaxDescriptors) return nullptr;
  Entry* entry = const_cast<Entry*>(Find(fd));
  if (entry == nullptr) {
    if (state == Plain()) return nullptr;
    Entry* block = EnsureBlock(index / kBlock);
    if (block == nullptr) return nullptr;
    entry = &block[index % kBlock];
  }
  *stored = true;
  Connection* previous = entry->exchange(state, std::memory_order_acq_rel);
  return IsConnection(previous) ? previous : nullptr;
}

bool ConnectionTable::Settle(int fd, Connection* state) {
  Entry* entry = const_cast<Entry*>(Find(fd));
  Connection* unknown = nullptr;
  return entry != nullptr && entry->compare_exchange_strong(
                                 unknown, state, std::memory_order_acq_rel);
}

}  // namespace proxymeter::shim
