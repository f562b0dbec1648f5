#include "shim/meter/connection_slots.h"

#include "shim/clock.h"

namespace proxymeter::shim {
namespace {

constexpr std::uint64_t kGrowthRetryNs = 1'000'000'000;

bool Claim(ConnectionSlot* slot) {
  std::uint64_t free = 0;
  return slot->cookie.load(std::memory_order_relaxed) == 0 &&
         slot->cookie.compare_exchange_strong(free, kSlotClaimed,
                                              std::memory_order_acq_rel);
}

}  // namespace

std::uint32_t RowNumber(const JournalFile& journal, const JournalRow* row) {
  const JournalRow* first = journal.rows();
  return row >= first && row < first + kMaxJournalRows
             ? static_cast<std::uint32_t>(row - first) + 1
             : 0;
}

ConnectionSlot* ConnectionSlots::Take(JournalFile& journal,
                                      const SocketIdentity& socket,
                                      const JournalRow* vendor_row) {
  if (socket.cookie == 0 || !journal.is_file()) return nullptr;
  // Connections end in no order: behind the last one taken there is room, as a
  // rule. When there is not soon, the journal is full, or might as well be.
  std::uint32_t number = next_.load(std::memory_order_relaxed);
  ConnectionSlot* slot = nullptr;
  std::uint32_t limit = journal.slot_limit();
  for (std::uint32_t probe = 0; probe < kProbes && slot == nullptr; ++probe) {
    number = number < limit ? number : 0;
    ConnectionSlot* candidate = journal.slot(number++);
    if (Claim(candidate)) slot = candidate;
  }
  if (slot == nullptr) {
    const std::uint64_t now = MonotonicNs();
    if (now < next_growth_ns_.load(std::memory_order_relaxed)) return nullptr;
    if (!journal.GrowSlots(limit - kFirstSlots + 1)) {
      next_growth_ns_.store(now + kGrowthRetryNs, std::memory_order_relaxed);
      return nullptr;
    }
    number = limit;
    slot = journal.slot(number++);
    if (!Claim(slot)) return nullptr;  // another thread's; the next one is ours
  }
  next_.store(number, std::memory_order_relaxed);
  slot->sent.store(0, std::memory_order_relaxed);
  slot->request_from.store(0, std::memory_order_relaxed);
  slot->row.store(0, std::memory_order_relaxed);
  slot->request_row.store(0, std::memory_order_relaxed);
  slot->vendor_row.store(RowNumber(journal, vendor_row),
                         std::memory_order_relaxed);
  slot->may_be_shared.store(socket.may_be_shared, std::memory_order_relaxed);
  slot->cookie.store(socket.cookie, std::memory_order_release);
  return slot;
}

}  // namespace proxymeter::shim
