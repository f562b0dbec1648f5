#include "shim/connection/udp_relays.h"

#include <cstring>

namespace proxymeter::shim {

bool UdpRelays::Add(const Endpoint& relay, const Connection* owner,
                    JournalRow* vendor_row) {
  std::uint64_t words[2];
  std::memcpy(words, relay.address.data(), sizeof words);
  for (Slot& slot : slots_) {
    const Connection* nobody = nullptr;
    if (!slot.owner.compare_exchange_strong(nobody, owner,
                                            std::memory_order_acq_rel)) {
      continue;
    }
    slot.address[0].store(words[0], std::memory_order_relaxed);
    slot.address[1].store(words[1], std::memory_order_relaxed);
    slot.port.store(relay.port, std::memory_order_relaxed);
    slot.vendor_row.store(vendor_row, std::memory_order_release);
    used_.fetch_add(1, std::memory_order_release);
    return true;
  }
  return false;
}

void UdpRelays::Remove(const Connection* owner) {
  for (Slot& slot : slots_) {
    if (slot.owner.load(std::memory_order_relaxed) != owner) continue;
    slot.vendor_row.store(nullptr, std::memory_order_release);
    used_.fetch_sub(1, std::memory_order_relaxed);
    slot.owner.store(nullptr, std::memory_order_release);
  }
}

JournalRow* UdpRelays::Find(const Endpoint& endpoint) const {
  if (used_.load(std::memory_order_acquire) == 0) return nullptr;
  std::uint64_t words[2];
  std::memcpy(words, endpoint.address.data(), sizeof words);
  for (const Slot& slot : slots_) {
    JournalRow* row = slot.vendor_row.load(std::memory_order_acquire);
    if (row == nullptr ||
        slot.port.load(std::memory_order_acquire) != endpoint.port ||
        slot.address[0].load(std::memory_order_acquire) != words[0] ||
        slot.address[1].load(std::memory_order_acquire) != words[1]) {
      continue;
    }
    // Another relay may have taken the place meanwhile.
    if (slot.vendor_row.load(std::memory_order_relaxed) == row) return row;
  }
  return nullptr;
}

}  // namespace proxymeter::shim
