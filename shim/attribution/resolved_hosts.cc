#include "shim/attribution/resolved_hosts.h"

#include <cstring>

namespace proxymeter::shim {

void ResolvedHosts::Remember(const Address& address, std::string_view name) {
  if (name.empty() || name.size() > kMaxHostLength || Holds(address, name)) {
    return;
  }
  Slot& slot = slots_[next_.fetch_add(1, std::memory_order_relaxed) % kSlots];
  std::uint32_t sequence = slot.sequence.load(std::memory_order_relaxed);
  if (sequence % 2 != 0 ||
      !slot.sequence.compare_exchange_strong(sequence, sequence + 1,
                                             std::memory_order_acquire)) {
    return;  // The ring has come round to a writer that was interrupted.
  }
  std::uint64_t words[kNameWords] = {};
  std::memcpy(words, name.data(), name.size());
  for (std::size_t i = 0; i < kNameWords; ++i) {
    slot.name[i].store(words[i], std::memory_order_release);
  }
  std::memcpy(words, address.data(), address.size());
  slot.address[0].store(words[0], std::memory_order_release);
  slot.address[1].store(words[1], std::memory_order_release);
  slot.length.store(static_cast<std::uint32_t>(name.size()),
                    std::memory_order_release);
  slot.sequence.store(sequence + 2, std::memory_order_release);
}

void ResolvedHosts::Find(const Address& address, Names* names) const {
  names->count_ = 0;
  std::uint64_t wanted[2];
  std::memcpy(wanted, address.data(), address.size());
  const std::uint32_t newest = next_.load(std::memory_order_acquire);
  for (std::uint32_t age = 1; age <= kSlots; ++age) {
    const Slot& slot = slots_[(newest - age) % kSlots];
    const std::uint32_t sequence =
        slot.sequence.load(std::memory_order_acquire);
    if (sequence == 0 || sequence % 2 != 0 ||
        slot.address[0].load(std::memory_order_acquire) != wanted[0] ||
        slot.address[1].load(std::memory_order_acquire) != wanted[1]) {
      continue;
    }
    const std::size_t length = slot.length.load(std::memory_order_acquire);
    std::uint64_t words[kNameWords];
    for (std::size_t i = 0; i < kNameWords; ++i) {
      words[i] = slot.name[i].load(std::memory_order_acquire);
    }
    if (slot.sequence.load(std::memory_order_relaxed) != sequence) continue;
    char* text = names->text_[names->count_];
    std::memcpy(text, words, length);
    names->views_[names->count_] = {text, length};
    if (++names->count_ == kMaxNames) return;
  }
}

bool ResolvedHosts::Holds(const Address& address, std::string_view name) const {
  Names names;
  Find(address, &names);
  // Only the newest: an older entry is renewed, so that time decides between
  // two names that share an address.
  return !names.view().empty() && names.view().front() == name;
}

}  // namespace proxymeter::shim
