#include "collector/policy/address_compiler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxymeter/policy_addresses.h"

namespace proxymeter::collector {
namespace {

constexpr int kMappedBits = 96;

std::uint32_t Key4(const Address& address) {
  std::uint32_t key = 0;
  for (int i = 12; i < 16; ++i) key = key << 8 | address[i];
  return key;
}

absl::uint128 Key6(const Address& address) {
  return absl::MakeUint128(PolicyAddresses6::Number(address.data()),
                           PolicyAddresses6::Number(address.data() + 8));
}

Cidr CidrOf(const NetworkEntry<std::uint32_t>& entry) {
  return CidrOf(AddressList::Entry4{entry.first, entry.line, entry.prefix});
}

Cidr CidrOf(const NetworkEntry<absl::uint128>& entry) {
  Cidr cidr{{}, entry.prefix};
  absl::uint128 key = entry.first;
  for (int i = 15; i >= 0; --i, key >>= 8) {
    cidr.network[i] = static_cast<std::uint8_t>(key & 0xff);
  }
  return cidr;
}

// What a vector holds is freed at once, not when it goes.
template <typename Vector>
void Free(Vector* vector) {
  Vector().swap(*vector);
}

}  // namespace

void AddressCompiler::Add(const Cidr& cidr, std::uint32_t rule) {
  if (IsIpv4(cidr.network)) {
    entries4_.push_back({Key4(cidr.network), rule, 0,
                         static_cast<std::uint8_t>(cidr.prefix - kMappedBits)});
  } else {
    entries6_.push_back({Key6(cidr.network), rule, 0, cidr.prefix});
  }
}

void AddressCompiler::Add(const AddressList& list, std::uint32_t rule) {
  entries4_.reserve(entries4_.size() + list.entries4.size());
  for (const AddressList::Entry4& entry : list.entries4) {
    entries4_.push_back({entry.first, rule, entry.line, entry.prefix});
  }
  entries6_.reserve(entries6_.size() + list.entries6.size());
  for (const AddressList::Entry6& entry : list.entries6) {
    entries6_.push_back({Key6(entry.first), rule, entry.line, entry.prefix});
  }
}

std::optional<AddressConflict> AddressCompiler::Sweep(
    const AddNetwork& add_network) {
  swept4_ = Sweep(&entries4_, add_network);
  swept6_ = Sweep(&entries6_, add_network);
  return conflict_;
}

std::vector<AddressSection> AddressCompiler::Tables(
    std::uint32_t network_count, std::size_t min_tabled_hosts4) {
  std::vector<AddressSection> tables =
      AddressTables4(std::move(swept4_), network_count, min_tabled_hosts4);
  std::vector<AddressSection> tables6 =
      AddressTables6(std::move(swept6_), network_count);
  std::move(tables6.begin(), tables6.end(), std::back_inserter(tables));
  return tables;
}

template <typename Key>
SweptNetworks<Key> AddressCompiler::Sweep(
    std::vector<NetworkEntry<Key>>* entries, const AddNetwork& add_network) {
  std::vector<std::uint32_t> candidates;
  SweptNetworks<Key> swept = SweepNetworks(
      entries, kNoPolicyNetwork,
      [&](std::span<const NetworkEntry<Key>> network, std::uint32_t parent) {
        candidates.clear();
        for (const NetworkEntry<Key>& entry : network) {
          if (candidates.empty() || candidates.back() != entry.rule) {
            candidates.push_back(entry.rule);
          }
        }
        if (candidates.size() > 1) {
          FindConflict(network);
          const auto rank = [this](std::uint32_t rule) {
            return std::pair(!rules_[rule].has_ports, ~rules_[rule].literals);
          };
          std::stable_sort(candidates.begin(), candidates.end(),
                           [&](std::uint32_t a, std::uint32_t b) {
                             return rank(a) < rank(b);
                           });
        }
        return add_network(candidates, parent);
      });
  Free(entries);
  return swept;
}

// Of all entries of one network, in the order of rules.
template <typename Key>
void AddressCompiler::FindConflict(std::span<const NetworkEntry<Key>> entries) {
  std::vector<const NetworkEntry<Key>*> by_conditions;
  for (const NetworkEntry<Key>& entry : entries)
    by_conditions.push_back(&entry);
  std::stable_sort(by_conditions.begin(), by_conditions.end(),
                   [this](const auto* a, const auto* b) {
                     return rules_[a->rule].conditions <
                            rules_[b->rule].conditions;
                   });
  for (std::size_t i = 1; i < by_conditions.size(); ++i) {
    const NetworkEntry<Key>& earlier = *by_conditions[i - 1];
    const NetworkEntry<Key>& later = *by_conditions[i];
    if (rules_[earlier.rule].conditions != rules_[later.rule].conditions ||
        rules_[earlier.rule].vendor == rules_[later.rule].vendor) {
      continue;
    }
    if (conflict_.has_value()) {
      ++conflict_->others;
    } else {
      conflict_ = {CidrOf(earlier),
                   {earlier.rule, earlier.line},
                   {later.rule, later.line},
                   0};
    }
    return;
  }
}

}  // namespace proxymeter::collector
