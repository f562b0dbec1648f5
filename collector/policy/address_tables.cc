#include "collector/policy/address_tables.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "proxymeter/policy_addresses.h"

namespace proxymeter::collector {
namespace {

template <typename Key>
using Points = std::vector<NetworkPoint<Key>>;

template <typename Entry>
AddressSection SectionOf(PolicySectionKind kind, std::span<const Entry> table) {
  const auto bytes = std::as_bytes(table);
  return {kind, sizeof(Entry), {bytes.begin(), bytes.end()}};
}

// All ones stay free for "none".
std::uint32_t TargetBytes(std::uint32_t target_count) {
  if (target_count <= 0xff) return 1;
  return target_count <= 0xffff ? 2 : 4;
}

void WriteTarget(std::byte* targets, std::size_t index, std::uint32_t bytes,
                 std::uint32_t target) {
  if (bytes == 1) {
    targets[index] = static_cast<std::byte>(target);
  } else if (bytes == 2) {
    const auto narrow = static_cast<std::uint16_t>(target);
    std::memcpy(targets + index * 2, &narrow, 2);
  } else {
    std::memcpy(targets + index * 4, &target, 4);
  }
}

template <std::size_t n>
PolicyBucketShape ShapeFor(const std::array<PolicyBucketShape, n>& shapes,
                           std::uint32_t target_count) {
  const std::uint32_t needed = TargetBytes(target_count);
  return *std::find_if(shapes.begin(), shapes.end(),
                       [needed](const PolicyBucketShape& shape) {
                         return shape.target_bytes >= needed;
                       });
}

// How the addresses of a family stand in buckets: what of them is stored, what
// stands in slots that stay empty, and how full buckets are on average. A
// fuller table is smaller, and more entries find no room: about 1 in 500.
struct Hosts4 {
  using Key = std::uint32_t;
  using Stored = std::uint16_t;
  static constexpr auto& kShapes = kPolicyShapes4;
  static constexpr PolicySectionKind kKind = PolicySectionKind::kHosts4;
  static constexpr std::uint64_t kMinBuckets = kMinPolicyBuckets4;

  static std::uint32_t Mix(Key key) { return PolicyMix4(key); }
  static Stored Store(Key key) { return static_cast<Stored>(Mix(key)); }
  // A low half that no address of this bucket has: the one before its first.
  static Stored Empty(std::uint64_t bucket, std::uint64_t buckets) {
    const std::uint64_t first =
        ((bucket << 32) + buckets - 1) / buckets;  // rounded up
    return static_cast<Stored>(first - 1);
  }
  static std::uint64_t Load(std::uint32_t slots) {
    return slots == 21 ? 13 : 22;
  }
  static bool MayJoin(const std::byte*, std::size_t, Stored) { return true; }
};

struct Hosts6 {
  using Key = absl::uint128;
  using Stored = PolicyKey6;
  static constexpr auto& kShapes = kPolicyShapes6;
  static constexpr PolicySectionKind kKind = PolicySectionKind::kHosts6;
  static constexpr std::uint64_t kMinBuckets = 1;

  static Stored Store(Key key) {
    return {absl::Uint128High64(key), absl::Uint128Low64(key)};
  }
  static std::uint32_t Mix(Key key) { return PolicyMix6(Store(key)); }
  static Stored Empty(std::uint64_t, std::uint64_t) { return {0, 0}; }
  static std::uint64_t Load(std::uint32_t slots) { return slots == 7 ? 4 : 5; }
  // One lower half, one address.
  static bool MayJoin(const std::byte* bucket, std::size_t used,
                      const Stored& stored) {
    for (std::size_t slot = 0; slot < used; ++slot) {
      Stored other;
      std::memcpy(&other, bucket + slot * sizeof(other), sizeof(other));
      if (other.low == stored.low) return false;
    }
    return true;
  }
};

// The table of `hosts`; what found no room in it stays in `hosts`.
template <typename Family>
AddressSection HostTable(Points<typename Family::Key>* hosts,
                         std::uint32_t target_count) {
  using Stored = typename Family::Stored;
  const PolicyBucketShape shape = ShapeFor(Family::kShapes, target_count);
  const std::uint64_t buckets = std::max<std::uint64_t>(
      Family::kMinBuckets, hosts->size() / Family::Load(shape.slots) + 1);
  AddressSection section{Family::kKind, shape.bytes,
                         std::vector<std::byte>(buckets * shape.bytes)};
  std::vector<std::uint8_t> used(buckets);
  std::size_t left = 0;
  for (const auto& host : *hosts) {
    const std::uint64_t number = PolicyBucket(Family::Mix(host.first), buckets);
    std::byte* const bucket = section.bytes.data() + number * shape.bytes;
    const Stored stored = Family::Store(host.first);
    if (used[number] == shape.slots ||
        !Family::MayJoin(bucket, used[number], stored)) {
      (*hosts)[left++] = host;
      continue;
    }
    const std::size_t slot = used[number]++;
    std::memcpy(bucket + slot * sizeof(Stored), &stored, sizeof(Stored));
    WriteTarget(bucket + shape.slots * sizeof(Stored), slot, shape.target_bytes,
                host.target);
  }
  hosts->resize(left);
  for (std::uint64_t number = 0; number < buckets; ++number) {
    std::byte* const bucket = section.bytes.data() + number * shape.bytes;
    const Stored empty = Family::Empty(number, buckets);
    for (std::size_t slot = used[number]; slot < shape.slots; ++slot) {
      std::memcpy(bucket + slot * sizeof(Stored), &empty, sizeof(Stored));
      WriteTarget(bucket + shape.slots * sizeof(Stored), slot,
                  shape.target_bytes, kNoPolicyNetwork);
    }
  }
  return section;
}

class Ranges4 {
 public:
  explicit Ranges4(std::uint32_t target_count)
      : target_bytes_(TargetBytes(target_count)), stride_(2 + target_bytes_) {}

  std::vector<AddressSection> Build(const Points<std::uint32_t>& points) {
    std::size_t at = 0;
    std::uint32_t before = kNoPolicyNetwork;  // holds where a block begins
    for (std::uint32_t high = 0; high < 256; ++high) {
      const std::size_t end = EndOf(points, at, high << 24, 24);
      top_[high] = BlockOf(points, at, end, high << 24, before);
      if (end > at) before = points[end - 1].target;
      at = end;
    }
    std::vector<AddressSection> sections;
    sections.push_back(SectionOf<PolicyBranch>(PolicySectionKind::kTop4, top_));
    sections.push_back(
        SectionOf<PolicyBranch>(PolicySectionKind::kPages4, pages_));
    sections.push_back(
        {PolicySectionKind::kPoints4, stride_, std::move(points_)});
    return sections;
  }

 private:
  using AllPoints = Points<std::uint32_t>;

  // Behind the points of the block of 2^bits addresses that begins at `first`.
  static std::size_t EndOf(const AllPoints& points, std::size_t at,
                           std::uint32_t first, int bits) {
    const std::uint64_t end = std::uint64_t{first} + (std::uint64_t{1} << bits);
    while (at < points.size() && points[at].first < end) ++at;
    return at;
  }

  // True when one target holds in all of a block.
  static bool Uniform(const AllPoints& points, std::size_t at, std::size_t end,
                      std::uint32_t first) {
    return at == end || (end == at + 1 && points[at].first == first);
  }

  PolicyBranch BlockOf(const AllPoints& points, std::size_t at, std::size_t end,
                       std::uint32_t first, std::uint32_t before) {
    if (Uniform(points, at, end, first)) {
      return {at == end ? before : points[at].target, 0};
    }
    const PolicyBranch block = {static_cast<std::uint32_t>(pages_.size()), 256};
    for (std::uint32_t middle = 0; middle < 256; ++middle) {
      const std::uint32_t page = first + (middle << 16);
      const std::size_t page_end = EndOf(points, at, page, 16);
      pages_.push_back(PageOf(points, at, page_end, page, before));
      if (page_end > at) before = points[page_end - 1].target;
      at = page_end;
    }
    return block;
  }

  PolicyBranch PageOf(const AllPoints& points, std::size_t at, std::size_t end,
                      std::uint32_t first, std::uint32_t before) {
    if (Uniform(points, at, end, first)) {
      return {at == end ? before : points[at].target, 0};
    }
    const std::size_t added = points[at].first != first ? 1 : 0;
    const std::size_t count = end - at + added;
    const std::size_t start = points_.size();
    points_.resize(start + count * stride_);
    std::byte* const keys = points_.data() + start;
    std::byte* const targets = keys + count * 2;
    if (added > 0) WriteTarget(targets, 0, target_bytes_, before);
    for (std::size_t i = added; at < end; ++i, ++at) {
      const auto key = static_cast<std::uint16_t>(points[at].first);
      std::memcpy(keys + i * 2, &key, 2);
      WriteTarget(targets, i, target_bytes_, points[at].target);
    }
    return {static_cast<std::uint32_t>(start / stride_),
            static_cast<std::uint32_t>(count)};
  }

  const std::uint32_t target_bytes_;
  const std::uint32_t stride_;
  std::array<PolicyBranch, 256> top_{};
  std::vector<PolicyBranch> pages_;
  std::vector<std::byte> points_;
};

// Each level is filled up to whole lines, and the next has the first of each.
std::vector<std::uint64_t> WithLevels(std::vector<std::uint64_t> keys) {
  std::size_t level = 0;
  std::size_t count = keys.size();
  for (;;) {
    while ((keys.size() - level) % kPolicyFanout6 != 0) {
      keys.push_back(~std::uint64_t{0});
    }
    const std::size_t lines = (count + kPolicyFanout6 - 1) / kPolicyFanout6;
    if (lines <= 1) return keys;
    const std::size_t next = keys.size();
    for (std::size_t line = 0; line < lines; ++line) {
      keys.push_back(keys[level + line * kPolicyFanout6]);
    }
    level = next;
    count = lines;
  }
}

std::vector<AddressSection> Ranges6(const Points<absl::uint128>& points) {
  std::vector<std::uint64_t> keys;
  std::vector<PolicyBranch> branches;
  std::vector<PolicyLow6> lows;
  std::uint32_t before = kNoPolicyNetwork;
  for (std::size_t at = 0, end; at < points.size(); at = end) {
    const std::uint64_t high = absl::Uint128High64(points[at].first);
    end = at;
    while (end < points.size() &&
           absl::Uint128High64(points[end].first) == high) {
      ++end;
    }
    const bool at_start = absl::Uint128Low64(points[at].first) == 0;
    keys.push_back(high);
    if (at_start && end == at + 1) {
      branches.push_back({points[at].target, 0});
    } else {
      const auto first = static_cast<std::uint32_t>(lows.size());
      if (!at_start) lows.push_back({0, before, 0});
      for (std::size_t i = at; i < end; ++i) {
        lows.push_back(
            {absl::Uint128Low64(points[i].first), points[i].target, 0});
      }
      branches.push_back(
          {first, static_cast<std::uint32_t>(lows.size()) - first});
    }
    before = points[end - 1].target;
    // After a run of lower halves its last target holds on.
    const bool ends_at_next =
        end < points.size() &&
        absl::Uint128High64(points[end].first) == high + 1;
    if (branches.back().count > 0 && !ends_at_next &&
        high != ~std::uint64_t{0}) {
      keys.push_back(high + 1);
      branches.push_back({before, 0});
    }
  }
  const std::vector<std::uint64_t> levels = WithLevels(std::move(keys));
  return {SectionOf<std::uint64_t>(PolicySectionKind::kKeys6, levels),
          SectionOf<PolicyBranch>(PolicySectionKind::kBranches6, branches),
          SectionOf<PolicyLow6>(PolicySectionKind::kLows6, lows)};
}

template <typename Key>
bool IsEmpty(const SweptNetworks<Key>& swept) {
  return swept.singles.empty() && swept.points.size() == 1 &&
         swept.points[0].target == kNoPolicyNetwork;
}

}  // namespace

std::vector<AddressSection> AddressTables4(SweptNetworks<std::uint32_t> swept,
                                           std::uint32_t target_count,
                                           std::size_t min_tabled_hosts) {
  if (IsEmpty(swept)) return {};
  std::vector<AddressSection> hosts;
  if (swept.singles.size() >= min_tabled_hosts) {
    hosts.push_back(HostTable<Hosts4>(&swept.singles, target_count));
  }
  std::vector<AddressSection> sections =
      Ranges4(target_count).Build(WithSingles(swept.points, swept.singles));
  std::move(hosts.begin(), hosts.end(), std::back_inserter(sections));
  return sections;
}

std::vector<AddressSection> AddressTables6(SweptNetworks<absl::uint128> swept,
                                           std::uint32_t target_count) {
  if (IsEmpty(swept)) return {};
  std::vector<AddressSection> hosts;
  if (!swept.singles.empty()) {
    hosts.push_back(HostTable<Hosts6>(&swept.singles, target_count));
  }
  std::vector<AddressSection> sections =
      Ranges6(WithSingles(swept.points, swept.singles));
  std::move(hosts.begin(), hosts.end(), std::back_inserter(sections));
  return sections;
}

}  // namespace proxymeter::collector
