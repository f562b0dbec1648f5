#include "shim/hooks/early_data.h"

#include <algorithm>
#include <cstring>

namespace proxymeter::shim {

constinit EarlyData early_data;

EarlyData::Slot* EarlyData::Enter(const Key& key) {
  if (key[0] == 0) return nullptr;
  for (Slot& slot : slots_) {
    if (slot.word.load(std::memory_order_acquire) != key[0] ||
        !slot.lock.TryEnter()) {
      continue;
    }
    if (slot.word.load(std::memory_order_acquire) == key[0] &&
        slot.key == key) {
      return &slot;
    }
    slot.lock.Leave();
  }
  return nullptr;
}

EarlyData::Slot* EarlyData::Claim(const Key& key, bool* evicted) {
  if (key[0] == 0) return nullptr;
  // Two rounds: the second takes a slot that is in use.
  for (std::size_t attempt = 0; attempt < 2 * kSlots; ++attempt) {
    Slot& slot =
        slots_[oldest_.fetch_add(1, std::memory_order_relaxed) % kSlots];
    const bool in_use = slot.word.load(std::memory_order_acquire) != 0;
    if ((in_use && attempt < kSlots) || !slot.lock.TryEnter()) continue;
    *evicted = slot.word.load(std::memory_order_acquire) != 0;
    if (!*evicted) waiting_.fetch_add(1, std::memory_order_relaxed);
    slot.key = key;
    slot.size = 0;
    slot.kept = 0;
    slot.word.store(key[0], std::memory_order_release);
    return &slot;
  }
  return nullptr;
}

bool EarlyData::Keep(const Key& key, protocol::Bytes data) {
  bool evicted = false;
  Slot* slot = Enter(key);
  if (slot == nullptr) slot = Claim(key, &evicted);
  if (slot == nullptr) return false;
  const std::size_t fits = std::min(data.size(), kRoom - slot->kept);
  // What comes behind a gap is no continuation.
  if (slot->kept == slot->size && fits != 0) {
    std::memcpy(slot->data + slot->kept, data.data(), fits);
    slot->kept += fits;
  }
  slot->size += data.size();
  slot->lock.Leave();
  return !evicted;
}

std::uint64_t EarlyData::Size(const Key& key) {
  if (!any()) return 0;
  Slot* slot = Enter(key);
  if (slot == nullptr) return 0;
  const std::uint64_t size = slot->size;
  slot->lock.Leave();
  return size;
}

}  // namespace proxymeter::shim
