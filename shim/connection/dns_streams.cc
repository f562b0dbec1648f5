#include "shim/connection/dns_streams.h"

namespace proxymeter::shim {

constinit DnsStreams::Slot DnsStreams::slots_[kMost];

void DnsStreams::Begin(Owner owner, std::uint32_t process) {
  const std::uint32_t now = begun_.fetch_add(1, std::memory_order_relaxed);
  // The one that had this number before, else one that nobody has, else the
  // oldest.
  Slot* slot = Find(owner);
  if (slot == nullptr) slot = Find(0);
  if (slot == nullptr) {
    slot = slots_;
    for (Slot& other : slots_) {
      if (now - other.since.load(std::memory_order_relaxed) >
          now - slot->since.load(std::memory_order_relaxed)) {
        slot = &other;
      }
    }
  }
  if (!slot->lock.TryEnter()) return;
  slot->owner.store(owner, std::memory_order_release);
  slot->since.store(now, std::memory_order_relaxed);
  slot->lost.store(false, std::memory_order_relaxed);
  slot->process = process;
  slot->messages.Reset();
  slot->lock.Leave();
}

void DnsStreams::End(Owner owner) {
  if (Slot* slot = Find(owner)) {
    slot->owner.compare_exchange_strong(owner, 0, std::memory_order_acq_rel);
  }
}

void DnsStreams::Lose(Owner owner) {
  if (Slot* slot = Find(owner)) {
    slot->lost.store(true, std::memory_order_relaxed);
  }
}

void DnsStreams::Clear() {
  for (Slot& slot : slots_) slot.owner.store(0, std::memory_order_relaxed);
}

}  // namespace proxymeter::shim
