// A row as the collector keeps it: copied, validated, owning its text.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_ROW_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_ROW_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "proxymeter/journal.h"

namespace proxymeter::collector {

/// What a row counts. Fields that a kind does not use are empty or zero.
struct RowKey {
  RowKind kind = RowKind::kNone;
  std::string vendor{};
  std::string destination{};
  Protocol protocol = Protocol::kUnknown;
  Visibility visibility = Visibility::kNone;
  std::uint16_t code = 0;
  std::string labels{};  ///< of traffic rows that crawlers report

  friend bool operator==(const RowKey&, const RowKey&) = default;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;

  template <typename Hash>
  friend Hash AbslHashValue(Hash hash, const RowKey& key) {
    return Hash::combine(std::move(hash), key.kind, key.vendor, key.destination,
                         key.protocol, key.visibility, key.code, key.labels);
  }
};

/// Indexed by TrafficCounter, VendorCounter, TunnelCounter, ShimCounter or
/// CallerCounter, as the row's kind says.
using Counters = std::array<std::uint64_t, kRowCounters>;

struct RowValue {
  RowKey key;
  Counters counters{};

  friend bool operator==(const RowValue&, const RowValue&) = default;
};

/// A row and its place in its session's journal.
struct IndexedRow {
  std::uint32_t index = 0;
  RowValue row;

  friend bool operator==(const IndexedRow&, const IndexedRow&) = default;
};

/// What the totals keep of a traffic row with labels beside the row without
/// them: its vendor's product. The order of the labels does not matter.
RowKey ProductKey(const RowKey& key);

/// Whether a crawler may report this row: a known kind, protocol and
/// visibility; the text that the kind needs and no other, within its length
/// and printable; no counter that the kind does not have.
bool IsValidRow(const RowValue& row);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_ROW_H_
