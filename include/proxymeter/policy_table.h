// Checked reads of one section of a policy file (policy.h).
#ifndef PROXYMETER_POLICY_TABLE_H_
#define PROXYMETER_POLICY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxymeter/policy.h"

namespace proxymeter {

/// Entries of one section. Every read is checked and copied, so that a file
/// that changes under the reader gives wrong answers at worst.
template <typename Entry>
class PolicyTable {
 public:
  constexpr PolicyTable() = default;
  constexpr PolicyTable(const std::byte* data, std::uint64_t count) noexcept
      : data_(data), count_(count) {}

  constexpr std::uint64_t size() const noexcept { return count_; }

  bool Get(std::uint64_t index, Entry* entry) const noexcept {
    if (index >= count_) return false;
    std::memcpy(entry, data_ + index * sizeof(Entry), sizeof(Entry));
    return true;
  }

  /// Where `count` entries from `index` on begin; null when they are not all
  /// there.
  const std::byte* At(std::uint64_t index, std::uint64_t count) const noexcept {
    if (index >= count_ || count > count_ - index) return nullptr;
    return data_ + index * sizeof(Entry);
  }

  /// The bytes of a slice; empty when it does not lie inside the section.
  std::string_view Text(PolicyText slice) const noexcept
      requires(sizeof(Entry) == 1) {
    if (slice.offset > count_ || slice.length > count_ - slice.offset) {
      return {};
    }
    return {reinterpret_cast<const char*>(data_) + slice.offset, slice.length};
  }

  /// Finds the range that holds `key` among `count` sorted disjoint ones.
  template <typename Key>
  bool FindRange(std::uint64_t first, std::uint64_t count, const Key& key,
                 Entry* range) const noexcept {
    // One comparison a step, which compiles to a conditional move: in a large
    // table a branch would be mispredicted every other time.
    std::uint64_t begin = first;
    while (count > 0) {
      const std::uint64_t half = count / 2;
      if (!Get(begin + half, range)) return false;
      const bool right = !(key < range->first);
      begin = right ? begin + half + 1 : begin;
      count = right ? count - half - 1 : half;
    }
    return begin != first && Get(begin - 1, range) && !(range->last < key);
  }

 private:
  const std::byte* data_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace proxymeter

#endif  // PROXYMETER_POLICY_TABLE_H_
