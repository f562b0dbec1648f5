#include "shim/connection/connection_table.h"

#include <sys/mman.h>

#include "shim/kernel.h"

namespace proxymeter::shim {

Connection* ConnectionTable::Exchange(int fd, Connection* connection,
                                      bool* stored) {
  *stored = false;
  const auto index = static_cast<std::uint32_t>(fd);
  if (index >= kMaxDescriptors) return nullptr;
  std::atomic<Entry*>& slot = blocks_[index / kBlock];
  Entry* block = slot.load(std::memory_order_acquire);
  if (block == nullptr) {
    if (connection == nullptr) return nullptr;
    constexpr long kBytes = kBlock * sizeof(Entry);
    const long memory =
        kernel::Call(SYS_mmap, 0, kBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0 && memory > -4096) return nullptr;
    auto* fresh = reinterpret_cast<Entry*>(memory);
    if (slot.compare_exchange_strong(block, fresh, std::memory_order_acq_rel)) {
      block = fresh;
    } else {
      kernel::Call(SYS_munmap, memory, kBytes);
    }
  }
  *stored = true;
  return block[index % kBlock].exchange(connection, std::memory_order_acq_rel);
}

}  // namespace proxymeter::shim
