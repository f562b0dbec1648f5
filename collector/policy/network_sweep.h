// Nested networks flattened, in one sweep over all of them.
#ifndef PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_
#define PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

namespace proxymeter::collector {

/// A network that leads to a rule. `Key` is an unsigned integer type, of
/// `prefix` bits of which all addresses of the network have the same.
template <typename Key>
struct NetworkEntry {
  Key first;
  std::uint32_t rule;
  std::uint32_t line;  ///< where it stands in an address list; 0: in none
  std::uint8_t prefix;

  bool single() const { return prefix == std::numeric_limits<Key>::digits; }
  Key last() const {
    return prefix == 0
               ? std::numeric_limits<Key>::max()
               : first |
                     ((Key{1} << (std::numeric_limits<Key>::digits - prefix)) -
                      1);
  }
};

/// From `first` on, up to the next point, addresses lead to `target`.
template <typename Key>
struct NetworkPoint {
  Key first;
  std::uint32_t target;
};

template <typename Key>
struct SweptNetworks {
  /// The networks of more than one address. Covers every address; the first
  /// point is at 0, neighbours differ.
  std::vector<NetworkPoint<Key>> points;
  /// The single addresses, ascending.
  std::vector<NetworkPoint<Key>> singles;
};

/// Points with a piece added to their end, which begins at or after it.
template <typename Key>
void AppendPoint(std::vector<NetworkPoint<Key>>* points, Key first,
                 std::uint32_t target) {
  if (!points->empty() && points->back().first == first) points->pop_back();
  if (!points->empty() && points->back().target == target) return;
  points->push_back({first, target});
}

/// Sorts `entries`, which nest or are disjoint, as CIDRs do. For every network,
/// outer ones first and otherwise ascending, calls
///   uint32 add_network(span<const NetworkEntry<Key>> entries, uint32 parent)
/// with all its entries, by rule, and the network around it (`none` for an
/// outermost one). What that returns are the targets.
template <typename Key, typename AddNetwork>
SweptNetworks<Key> SweepNetworks(std::vector<NetworkEntry<Key>>* entries,
                                 std::uint32_t none, AddNetwork add_network) {
  using Entry = NetworkEntry<Key>;
  std::sort(entries->begin(), entries->end(),
            [](const Entry& a, const Entry& b) {
              return std::tie(a.first, a.prefix, a.rule, a.line) <
                     std::tie(b.first, b.prefix, b.rule, b.line);
            });
  SweptNetworks<Key> swept;
  swept.points.push_back({0, none});
  struct Open {
    Key last;
    std::uint32_t network;
  };
  std::vector<Open> open;  // from the outermost to the innermost
  const auto innermost = [&] {
    return open.empty() ? none : open.back().network;
  };
  const auto close_innermost = [&] {
    const Key last = open.back().last;
    open.pop_back();
    if (last != std::numeric_limits<Key>::max()) {
      AppendPoint<Key>(&swept.points, last + 1, innermost());
    }
  };
  for (std::size_t begin = 0, end; begin < entries->size(); begin = end) {
    const Entry& network = (*entries)[begin];
    end = begin + 1;
    while (end < entries->size() && (*entries)[end].first == network.first &&
           (*entries)[end].prefix == network.prefix) {
      ++end;
    }
    while (!open.empty() && open.back().last < network.first) {
      close_innermost();
    }
    const std::uint32_t added = add_network(
        std::span(*entries).subspan(begin, end - begin), innermost());
    if (network.single()) {
      swept.singles.push_back({network.first, added});
      continue;
    }
    open.push_back({network.last(), added});
    AppendPoint<Key>(&swept.points, network.first, added);
  }
  while (!open.empty()) close_innermost();
  return swept;
}

/// `points` with `singles` added to them, both ascending.
template <typename Key>
std::vector<NetworkPoint<Key>> WithSingles(
    const std::vector<NetworkPoint<Key>>& points,
    const std::vector<NetworkPoint<Key>>& singles) {
  std::vector<NetworkPoint<Key>> all;
  all.reserve(points.size() + 2 * singles.size());
  auto single = singles.begin();
  for (std::size_t i = 0; i < points.size(); ++i) {
    AppendPoint<Key>(&all, points[i].first, points[i].target);
    for (; single != singles.end() &&
           (i + 1 == points.size() || single->first < points[i + 1].first);
         ++single) {
      AppendPoint<Key>(&all, single->first, single->target);
      if (single->first != std::numeric_limits<Key>::max()) {
        AppendPoint<Key>(&all, single->first + 1, points[i].target);
      }
    }
  }
  return all;
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_
