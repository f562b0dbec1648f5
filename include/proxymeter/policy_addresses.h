// The addresses of a policy: from an address to the innermost network around
// it, or kNoPolicyNetwork. Built by collector/policy/address_compiler.h, read
// inside crawlers: every index is checked, every loop is bounded by a number
// that was checked, nothing is allocated.
//
// Single addresses and networks are kept apart, since a list of vendor's exits
// is millions of the former, spread at random, and few of the latter. What a
// look-up costs is then one line of memory for the single address.
//
//   kHosts4   A table of buckets of one cache line or few. A mix of the address
//             (PolicyMix4, one to one) tells the bucket, as it would sort; its
//             low 16 bits tell the addresses of one bucket apart, because there
//             are more than 65,536 buckets. Bucket: the low halves, then as
//             many targets. Entries that found no room, and all of a short
//             list, are networks of one address.
//   kTop4     256 branches by the first byte, each a target or a run of 256 of
//   kPages4   branches by the second byte, each a target or a run of
//   kPoints4  points: the lower halves from which on a target holds, ascending,
//             then as many targets. The first is 0.
//   kHosts6   As kHosts4, with whole addresses (PolicyKey6), whose lower halves
//             differ within a bucket.
//   kKeys6    Upper halves from which on a branch holds, ascending, the first
//             is 0; then the first of each eight of them; and so on up to one
//             line of eight. Each level is filled up to whole lines.
//   kBranches6  one for each key of the lowest level: a target, or a run of
//   kLows6    lower halves from which on a target holds. The first is 0.
//
// Targets are as wide as the largest needs; all ones is none.
#ifndef PROXYMETER_POLICY_ADDRESSES_H_
#define PROXYMETER_POLICY_ADDRESSES_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "proxymeter/policy_table.h"

namespace proxymeter {

/// A target, or a run of entries of the table below.
struct PolicyBranch {
  std::uint32_t first;  ///< of the run, or the target when it is empty
  std::uint32_t count;
};
static_assert(sizeof(PolicyBranch) == 8);

/// A lower half of an IPv6 address, and the target from there on.
struct PolicyLow6 {
  std::uint64_t low;
  std::uint32_t target;
  std::uint32_t reserved;
};
static_assert(sizeof(PolicyLow6) == 16);

/// An IPv6 address as two numbers, host byte order.
struct PolicyKey6 {
  std::uint64_t high;
  std::uint64_t low;
};
static_assert(sizeof(PolicyKey6) == 16);

constexpr std::uint32_t PolicyMix4(std::uint32_t address) noexcept {
  // Odd factors and shifts: nothing is lost, and neighbours part.
  address *= 0x9e3779b1;
  address ^= address >> 15;
  address *= 0x85ebca77;
  return address ^ address >> 13;
}

constexpr std::uint32_t PolicyMix6(const PolicyKey6& address) noexcept {
  std::uint64_t mix = address.high * 0x9e3779b97f4a7c15;
  mix = (std::rotl(mix, 32) ^ address.low) * 0xbf58476d1ce4e5b9;
  mix = (mix ^ mix >> 31) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(mix >> 32);
}

constexpr std::uint64_t PolicyBucket(std::uint32_t mix,
                                     std::uint64_t buckets) noexcept {
  return mix * buckets >> 32;
}

/// Fewer buckets than this could hold two addresses of one low half.
inline constexpr std::uint64_t kMinPolicyBuckets4 = std::uint64_t{1} << 17;
/// A bucket's number is 32 bits of the mix times this.
inline constexpr std::uint64_t kMaxPolicyBuckets = 0xffffffff;

/// How a bucket is laid out, told by its size.
struct PolicyBucketShape {
  std::uint32_t bytes;         ///< 0: no such size is known
  std::uint32_t slots;         ///< entries
  std::uint32_t target_bytes;  ///< of each
};
constexpr std::array<PolicyBucketShape, 3> kPolicyShapes4 = {
    {{64, 21, 1}, {128, 32, 2}, {192, 32, 4}}};
constexpr std::array<PolicyBucketShape, 2> kPolicyShapes6 = {
    {{128, 7, 2}, {192, 9, 4}}};

template <std::size_t n>
constexpr PolicyBucketShape ShapeOfPolicyBucket(
    const std::array<PolicyBucketShape, n>& shapes,
    std::uint32_t bytes) noexcept {
  for (const PolicyBucketShape& shape : shapes) {
    if (shape.bytes == bytes) return shape;
  }
  return {0, 0, 0};
}

/// The `index`th of targets of so many bytes.
inline std::uint32_t ReadPolicyTarget(const std::byte* targets,
                                      std::uint64_t index,
                                      std::uint32_t bytes) noexcept {
  if (bytes == 1) {
    const auto target = static_cast<std::uint8_t>(targets[index]);
    return target == 0xff ? kNoPolicyNetwork : target;
  }
  if (bytes == 2) {
    std::uint16_t target;
    std::memcpy(&target, targets + index * 2, 2);
    return target == 0xffff ? kNoPolicyNetwork : target;
  }
  std::uint32_t target;
  std::memcpy(&target, targets + index * 4, 4);
  return target;
}

/// Position of the last of `count` ascending keys, at least one, that is not
/// above `key`; 0 when there is none.
template <typename Key>
std::uint64_t LastPolicyKeyUpTo(const std::byte* keys, std::uint64_t stride,
                                std::uint64_t count, Key key) noexcept {
  std::uint64_t at = 0;
  while (count > 1) {
    const std::uint64_t half = count / 2;
    Key middle;
    std::memcpy(&middle, keys + (at + half) * stride, sizeof(Key));
    // Opaque, or the compiler makes a branch of it, which would be mispredicted
    // every other time.
    std::uint64_t mask = -static_cast<std::uint64_t>(middle <= key);
    asm("" : "+r"(mask));
    at += half & mask;
    count -= half;
  }
  return at;
}

class PolicyAddresses4 {
 public:
  using Branches = PolicyTable<PolicyBranch>;

  constexpr PolicyAddresses4() = default;

  /// False when buckets of that many bytes are not known.
  constexpr bool SetHosts(const std::byte* buckets, std::uint64_t count,
                          std::uint32_t bucket_bytes) noexcept {
    shape_ = ShapeOfPolicyBucket(kPolicyShapes4, bucket_bytes);
    buckets_ = buckets;
    bucket_count_ = count;
    return shape_.bytes != 0 && count <= kMaxPolicyBuckets;
  }
  constexpr bool SetPoints(const std::byte* points, std::uint64_t count,
                           std::uint32_t point_bytes) noexcept {
    points_ = points;
    point_count_ = count;
    point_bytes_ = point_bytes;
    return point_bytes == 3 || point_bytes == 4 || point_bytes == 6;
  }
  constexpr void SetTop(Branches top) noexcept { top_ = top; }
  constexpr void SetPages(Branches pages) noexcept { pages_ = pages; }

  std::uint32_t Find(std::uint32_t address) const noexcept {
    const std::uint32_t single = FindHost(address);
    return single != kNoPolicyNetwork ? single : FindNetwork(address);
  }

 private:
  // Eight numbers that are compared at once.
  using Lane [[gnu::vector_size(16)]] = std::uint16_t;
  static constexpr std::uint32_t kLanes = 8;
  static constexpr std::uint32_t kPositionBits = 0x3f;

  std::uint32_t FindHost(std::uint32_t address) const noexcept {
    if (bucket_count_ == 0) return kNoPolicyNetwork;
    const std::uint32_t mix = PolicyMix4(address);
    const std::byte* const bucket =
        buckets_ + PolicyBucket(mix, bucket_count_) * shape_.bytes;
    // All slots, without a branch that depends on them: the processor goes on
    // with what follows, and with the next look-up, while it waits for memory.
    // At most one slot is equal, so its position comes out of an OR.
    const Lane key = Lane{} + static_cast<std::uint16_t>(mix);
    Lane position = {1, 2, 3, 4, 5, 6, 7, 8};
    Lane found = {};
    for (std::uint32_t slot = 0; slot + kLanes <= shape_.slots;
         slot += kLanes) {
      Lane halves;
      std::memcpy(&halves, bucket + slot * 2, sizeof(halves));
      found |= static_cast<Lane>(halves == key) & position;
      position += kLanes;
    }
    if (shape_.slots % kLanes != 0) {
      // The last eight, of which some were compared already.
      const std::uint32_t slot = shape_.slots - kLanes;
      Lane halves;
      std::memcpy(&halves, bucket + slot * 2, sizeof(halves));
      position =
          Lane{1, 2, 3, 4, 5, 6, 7, 8} + static_cast<std::uint16_t>(slot);
      found |= static_cast<Lane>(halves == key) & position;
    }
    std::array<std::uint64_t, 2> words;
    std::memcpy(words.data(), &found, sizeof(words));
    std::uint64_t one = words[0] | words[1];
    one |= one >> 32;
    one |= one >> 16;
    const std::uint32_t at = static_cast<std::uint32_t>(one & kPositionBits);
    if (at == 0 || at > shape_.slots) return kNoPolicyNetwork;
    return ReadPolicyTarget(bucket + shape_.slots * 2, at - 1,
                            shape_.target_bytes);
  }

  std::uint32_t FindNetwork(std::uint32_t address) const noexcept {
    PolicyBranch branch;
    if (!top_.Get(address >> 24, &branch)) return kNoPolicyNetwork;
    if (branch.count == 0) return branch.first;
    if (!pages_.Get(std::uint64_t{branch.first} + (address >> 16 & 0xff),
                    &branch)) {
      return kNoPolicyNetwork;
    }
    if (branch.count == 0) return branch.first;
    if (std::uint64_t{branch.first} + branch.count > point_count_) {
      return kNoPolicyNetwork;
    }
    const std::byte* const keys =
        points_ + std::uint64_t{branch.first} * point_bytes_;
    const std::uint64_t at = LastPolicyKeyUpTo(
        keys, 2, branch.count, static_cast<std::uint16_t>(address));
    return ReadPolicyTarget(keys + std::uint64_t{branch.count} * 2, at,
                            point_bytes_ - 2);
  }

  const std::byte* buckets_ = nullptr;
  std::uint64_t bucket_count_ = 0;
  PolicyBucketShape shape_ = {0, 0, 0};
  Branches top_;
  Branches pages_;
  const std::byte* points_ = nullptr;
  std::uint64_t point_count_ = 0;
  std::uint32_t point_bytes_ = 0;
};

inline constexpr std::uint64_t kPolicyFanout6 = 8;

class PolicyAddresses6 {
 public:
  constexpr PolicyAddresses6() = default;

  constexpr bool SetHosts(const std::byte* buckets, std::uint64_t count,
                          std::uint32_t bucket_bytes) noexcept {
    shape_ = ShapeOfPolicyBucket(kPolicyShapes6, bucket_bytes);
    buckets_ = buckets;
    bucket_count_ = count;
    return shape_.bytes != 0 && count <= kMaxPolicyBuckets;
  }
  constexpr void SetKeys(PolicyTable<std::uint64_t> keys) noexcept {
    keys_ = keys;
  }
  constexpr void SetBranches(PolicyTable<PolicyBranch> branches) noexcept {
    branches_ = branches;
  }
  constexpr void SetLows(PolicyTable<PolicyLow6> lows) noexcept {
    lows_ = lows;
  }

  /// To be called when everything was set; false when keys and branches do not
  /// belong together.
  constexpr bool Connect() noexcept {
    std::uint64_t count = branches_.size();
    std::uint64_t end = 0;
    level_count_ = 0;
    while (count > 0) {
      if (level_count_ == levels_.size()) return false;
      levels_[level_count_++] = {end, count};
      const std::uint64_t lines = (count + kPolicyFanout6 - 1) / kPolicyFanout6;
      end += lines * kPolicyFanout6;
      if (end > keys_.size()) return false;
      count = lines > 1 ? lines : 0;
    }
    return end == keys_.size();
  }

  std::uint32_t Find(
      const std::array<std::uint8_t, 16>& address) const noexcept {
    const PolicyKey6 key = {Number(address.data()), Number(address.data() + 8)};
    const std::uint32_t single = FindHost(key);
    return single != kNoPolicyNetwork ? single : FindNetwork(key);
  }

  /// Eight bytes in network byte order.
  static std::uint64_t Number(const std::uint8_t* bytes) noexcept {
    std::uint64_t number;
    std::memcpy(&number, bytes, sizeof(number));
    return std::endian::native == std::endian::little
               ? __builtin_bswap64(number)
               : number;
  }

 private:
  struct Level {
    std::uint64_t first;
    std::uint64_t count;
  };

  std::uint32_t FindHost(const PolicyKey6& key) const noexcept {
    if (bucket_count_ == 0) return kNoPolicyNetwork;
    const std::byte* const bucket =
        buckets_ + PolicyBucket(PolicyMix6(key), bucket_count_) * shape_.bytes;
    // By the lower half, of which there are no two in a bucket; empty slots
    // have a lower half of 0, and come last.
    std::uint32_t at = 0;
    for (std::uint32_t slot = shape_.slots; slot-- > 0;) {
      std::uint64_t low;
      std::memcpy(
          &low, bucket + slot * sizeof(PolicyKey6) + offsetof(PolicyKey6, low),
          sizeof(low));
      std::uint32_t mask = -static_cast<std::uint32_t>(low == key.low);
      asm("" : "+r"(mask));  // no branch, as in LastPolicyKeyUpTo
      at = (at & ~mask) | (mask & slot);
    }
    PolicyKey6 entry;
    std::memcpy(&entry, bucket + at * sizeof(entry), sizeof(entry));
    if (entry.high != key.high || entry.low != key.low) return kNoPolicyNetwork;
    return ReadPolicyTarget(bucket + shape_.slots * sizeof(PolicyKey6), at,
                            shape_.target_bytes);
  }

  std::uint32_t FindNetwork(const PolicyKey6& key) const noexcept {
    std::uint64_t at = 0;
    for (std::uint32_t level = level_count_; level-- > 0;) {
      const std::uint64_t first = at * kPolicyFanout6;
      const std::byte* const line =
          keys_.At(levels_[level].first + first, kPolicyFanout6);
      if (line == nullptr) return kNoPolicyNetwork;
      std::uint64_t up_to = 0;
#pragma GCC unroll 3
      for (std::uint64_t step = kPolicyFanout6 / 2; step > 0; step /= 2) {
        std::uint64_t bound;
        std::memcpy(&bound, line + (up_to + step) * sizeof(bound),
                    sizeof(bound));
        up_to += static_cast<std::uint64_t>(bound <= key.high) * step;
      }
      // What fills the last line up counts as a key for the largest one only.
      at = first + up_to;
      if (at >= levels_[level].count) at = levels_[level].count - 1;
    }
    PolicyBranch branch;
    if (!branches_.Get(at, &branch)) return kNoPolicyNetwork;
    if (branch.count == 0) return branch.first;
    std::uint64_t low = 0;
    for (std::uint64_t count = branch.count; count > 1;) {
      const std::uint64_t half = count / 2;
      PolicyLow6 middle;
      if (!lows_.Get(branch.first + low + half, &middle)) {
        return kNoPolicyNetwork;
      }
      low = middle.low <= key.low ? low + half : low;
      count -= half;
    }
    PolicyLow6 found;
    return lows_.Get(branch.first + low, &found) ? found.target
                                                 : kNoPolicyNetwork;
  }

  const std::byte* buckets_ = nullptr;
  std::uint64_t bucket_count_ = 0;
  PolicyBucketShape shape_ = {0, 0, 0};
  PolicyTable<std::uint64_t> keys_;
  PolicyTable<PolicyBranch> branches_;
  PolicyTable<PolicyLow6> lows_;
  std::array<Level, 12> levels_{};
  std::uint32_t level_count_ = 0;
};

}  // namespace proxymeter

#endif  // PROXYMETER_POLICY_ADDRESSES_H_
