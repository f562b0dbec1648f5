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

std::uint32_t MonotonicMs() {
  return static_cast<std::uint32_t>(MonotonicNs() / 1'000'000);
}

// The collector may not have seen yet what it tells of an end.
bool StillTells(const ConnectionSlot* slot, std::uint32_t now_ms) {
  return slot->ended_cookie.load(std::memory_order_relaxed) != 0 &&
         now_ms - slot->ended_ms.load(std::memory_order_relaxed) < kSlotKeptMs;
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
  const std::uint32_t limit = journal.slot_limit();
  const std::uint32_t first = next_.load(std::memory_order_relaxed);
  const std::uint32_t now_ms = MonotonicMs();
  std::uint32_t number = first;
  const auto probe = [&](bool all) -> ConnectionSlot* {
    number = first;
    for (std::uint32_t i = 0; i < kProbes; ++i) {
      number = number < limit ? number : 0;
      ConnectionSlot* candidate = journal.slot(number++);
      if ((all || !StillTells(candidate, now_ms)) && Claim(candidate)) {
        return candidate;
      }
    }
    return nullptr;
  };
  ConnectionSlot* slot = probe(/*all=*/false);
  if (slot == nullptr && Grow(journal, limit)) {
    slot = journal.slot(limit);
    number = limit + 1;
    // Another thread's; the next one is ours.
    if (!Claim(slot)) return nullptr;
  }
  // What is open matters more than what has ended.
  if (slot == nullptr) slot = probe(/*all=*/true);
  if (slot == nullptr) return nullptr;
  next_.store(number, std::memory_order_relaxed);
  slot->ended_cookie.store(0, std::memory_order_release);
  slot->sent.store(0, std::memory_order_relaxed);
  slot->received.store(0, std::memory_order_relaxed);
  slot->adopted.store(socket.adopted, std::memory_order_relaxed);
  slot->request_from.store(0, std::memory_order_relaxed);
  slot->row.store(0, std::memory_order_relaxed);
  slot->request_row.store(0, std::memory_order_relaxed);
  slot->vendor_row.store(RowNumber(journal, vendor_row),
                         std::memory_order_relaxed);
  slot->may_be_shared.store(socket.may_be_shared, std::memory_order_relaxed);
  slot->cookie.store(socket.cookie, std::memory_order_release);
  return slot;
}

void ConnectionSlots::GiveBack(const JournalFile& journal,
                               ConnectionSlot* slot) {
  slot->ended_ms.store(MonotonicMs(), std::memory_order_relaxed);
  slot->ended_cookie.store(slot->cookie.load(std::memory_order_relaxed),
                           std::memory_order_release);
  slot->cookie.store(0, std::memory_order_release);
  journal.header()->ended_connections.fetch_add(1, std::memory_order_release);
}

bool ConnectionSlots::Grow(JournalFile& journal, std::uint32_t limit) {
  const std::uint64_t now = MonotonicNs();
  if (now < next_growth_ns_.load(std::memory_order_relaxed)) return false;
  if (journal.GrowSlots(limit - kFirstSlots + 1)) return true;
  next_growth_ns_.store(now + kGrowthRetryNs, std::memory_order_relaxed);
  return false;
}

}  // namespace proxymeter::shim
