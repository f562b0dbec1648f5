// Nested networks flattened into sorted disjoint ranges, in one sweep.
#ifndef PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_
#define PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace proxymeter::collector {

/// A network that leads to a rule. `Key` is an unsigned integer type.
template <typename Key>
struct NetworkEntry {
  Key first;
  Key last;
  bool has_ports;        ///< whether the rule has a port condition
  std::size_t literals;  ///< of its condition on the user name
  std::uint32_t rule;
};

/// Networks must nest or be disjoint, as CIDRs do. For every network, outer
/// ones first, calls
///   uint32 add_network(const std::vector<uint32>& rules, uint32 parent)
/// with its candidates, best first, and the network around it (`none` for an
/// outermost one); then calls, in ascending order,
///   add_range(first, last, innermost network)
template <typename Key, typename AddNetwork, typename AddRange>
void SweepNetworks(std::vector<NetworkEntry<Key>> entries, std::uint32_t none,
                   AddNetwork add_network, AddRange add_range) {
  const auto order = [](const NetworkEntry<Key>& a,
                        const NetworkEntry<Key>& b) {
    // Descending in `last` and `has_ports`: outer networks come first.
    return std::tie(a.first, b.last, b.has_ports, b.literals, a.rule) <
           std::tie(b.first, a.last, a.has_ports, a.literals, b.rule);
  };
  std::sort(entries.begin(), entries.end(), order);

  struct Open {
    Key last;
    std::uint32_t network;
  };
  std::vector<Open> open;  // from the outermost to the innermost
  Key next = 0;            // first key that no range covers yet
  bool exhausted = false;  // the last key of all is covered; `next` wrapped
  const auto close_innermost = [&] {
    const Open closed = open.back();
    open.pop_back();
    if (exhausted || closed.last < next) return;
    add_range(next, closed.last, closed.network);
    next = closed.last + 1;
    exhausted = next == 0;
  };

  std::vector<std::uint32_t> rules;
  for (std::size_t begin = 0, end; begin < entries.size(); begin = end) {
    const NetworkEntry<Key>& network = entries[begin];
    rules.clear();
    for (end = begin;
         end < entries.size() && entries[end].first == network.first &&
         entries[end].last == network.last;
         ++end) {
      if (rules.empty() || rules.back() != entries[end].rule) {
        rules.push_back(entries[end].rule);
      }
    }
    while (!open.empty() && open.back().last < network.first) {
      close_innermost();
    }
    if (!open.empty() && next < network.first) {
      add_range(next, network.first - 1, open.back().network);
    }
    next = network.first;
    open.push_back(
        {network.last,
         add_network(rules, open.empty() ? none : open.back().network)});
  }
  while (!open.empty()) close_innermost();
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_NETWORK_SWEEP_H_
