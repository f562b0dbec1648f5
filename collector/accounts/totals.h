// The sums over all sessions, by row key.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/accounts/row.h"

namespace proxymeter::collector {

/// Not synchronised: Sessions holds the lock.
class Totals {
 public:
  /// Beyond `max_rows` different keys, new ones are counted under the
  /// destination `_other` and code 0, and beyond a sixteenth more under the
  /// vendor `_other` too: the sums stay exact while memory is bounded.
  explicit Totals(std::size_t max_rows) : max_rows_(max_rows) {}

  /// Adds `deltas` to the row of `key`. Sums stop at the largest value: a
  /// counter that wrapped around would go backwards.
  void Add(const RowKey& key, const Counters& deltas);

  std::vector<RowValue> Rows() const;

  /// From here on, remembers what changes.
  void KeepChanges() { keeps_changes_ = true; }
  /// The rows that changed since the last call.
  std::vector<RowValue> TakeChanges();
  /// The row is among the changes again: what was taken got lost.
  void MarkChanged(const RowKey& key);

  /// Takes up what was written down before.
  void Restore(const RowValue& row) { rows_[row.key].counters = row.counters; }
  void RestoreOverflowed(std::uint64_t overflowed) { overflowed_ = overflowed; }

  /// Additions that went to `_other` for want of room.
  std::uint64_t overflowed() const { return overflowed_; }

 private:
  struct Sum {
    Counters counters{};
    bool changed = false;
  };

  bool AddIfRoom(const RowKey& key, const Counters& deltas, std::size_t room);
  void AddTo(const RowKey& key, Sum& sum, const Counters& deltas);

  const std::size_t max_rows_;
  absl::flat_hash_map<RowKey, Sum> rows_;
  bool keeps_changes_ = false;
  std::vector<RowKey> changed_;
  std::uint64_t overflowed_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_
