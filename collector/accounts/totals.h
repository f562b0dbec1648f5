// The sums over all sessions, by row key.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "collector/accounts/costs.h"
#include "collector/accounts/row.h"
#include "collector/accounts/state.h"

namespace proxymeter::collector {

/// All that was ever counted of a vendor, of what is shown over time.
struct VendorSum {
  std::uint64_t requests = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t proxy_errors = 0;

  friend bool operator==(const VendorSum&, const VendorSum&) = default;
};
using VendorSums = std::map<std::string, VendorSum, std::less<>>;

/// Not synchronised: Sessions holds the lock.
class Totals {
  struct Sum;
  using Row = std::pair<const RowKey, Sum>;

 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Where a key's row was found, to spare the next look-up.
  class Place {
    friend class Totals;
    Row* row_ = nullptr;
    std::uint64_t folds_ = 0;  // rows stay where they are until the next one
  };

  /// Beyond `max_rows` different keys, new ones are counted under the
  /// destination `_other` and code 0, and beyond a sixteenth more under the
  /// vendor `_other` too: the sums stay exact while memory is bounded. Beyond
  /// `max_destinations` of one vendor, its new ones are `_other` as well.
  explicit Totals(
      std::size_t max_rows,
      std::size_t max_destinations = std::numeric_limits<std::size_t>::max())
      : max_rows_(max_rows), max_destinations_(max_destinations) {}

  /// What is agreed on with vendors, from here on: what traffic costs, and how
  /// many destinations of one are told apart instead of `max_destinations`.
  void SetTerms(const std::vector<VendorTerms>& terms);

  /// Who could tell a count once more if this process ended now.
  enum class Teller : std::uint8_t { kJournal, kNobody };

  /// Adds `deltas` to the row of `key`. Sums stop at the largest value: a
  /// counter that wrapped around would go backwards.
  void Add(const RowKey& key, const Counters& deltas,
           Teller teller = Teller::kJournal) {
    Place place;
    Add(key, deltas, teller, place);
  }
  /// `place` is fresh, or of an earlier call with the same key.
  void Add(const RowKey& key, const Counters& deltas, Teller teller,
           Place& place);

  /// Folds the destinations that were not added to for `idle`: their traffic
  /// rows go, and what they held is in Folded() from then on, so that rows and
  /// folded of a vendor always sum up to all that was ever counted. A folded
  /// destination that is added to is a new row, from 0. To be called again and
  /// again: what changed between two calls counts as changed at the later.
  void FoldIdle(TimePoint now, std::chrono::milliseconds idle);

  std::vector<RowValue> Rows() const;
  std::vector<FoldedVendor> Folded() const;
  VendorSums SumsByVendor() const;
  std::vector<CostValue> CostValues() const { return costs_.Values(); }

  /// From here on, remembers what changes.
  void KeepChanges() {
    keeps_changes_ = true;
    costs_.KeepChanges();
  }
  /// Adds to `state` what changed since the last call: totals, folded,
  /// dropped, untold and costs.
  void TakeChanges(AccountsState& state);
  /// What was taken is written down.
  void Committed(const AccountsState& state) { costs_.Committed(state); }
  /// What was taken is among the changes again: it got lost.
  void PutBack(const AccountsState& state);

  /// Takes up what was written down before.
  void Restore(const AccountsState& state);

  /// Additions that went to `_other` for want of room.
  std::uint64_t overflowed() const { return overflowed_; }

 private:
  /// Products of one vendor; what comes beyond is `_other`.
  static constexpr std::size_t kMaxProducts = 1000;

  struct Destination {
    bool active = true;  // added to since the last FoldIdle
    bool idle = false;   // about to go
    TimePoint last_active{};
  };
  // The counters last: most kinds have no use for the end of theirs, and an
  // update is mostly waiting for memory.
  struct Sum {
    Destination* destination = nullptr;  // of traffic rows
    LedgerNumber number = 0;
    bool in_ledger = false;
    bool changed = false;
    Counters counters{};
  };
  struct FoldedSum {
    std::uint64_t destinations = 0;
    Counters counters{};
  };

  Row& RowFor(const RowKey& key, Place& place);
  Row* FindOrInsert(const RowKey& key, std::size_t room);
  bool HasRoomForDestination(const RowKey& key) const;
  Row* Insert(const RowKey& key);
  void AddTo(Row& row, const Counters& deltas, Teller teller);
  void AddCosts(const RowKey& key, const Row& row, const Counters& deltas);
  void Fold(const Row& row);

  const std::size_t max_rows_;
  const std::size_t max_destinations_;
  absl::flat_hash_map<std::string, std::size_t> max_destinations_of_;
  absl::node_hash_map<RowKey, Sum> rows_;
  LedgerNumber last_number_ = 0;
  std::uint64_t folds_ = 0;  // that took rows away
  // By vendor and name; rows point to them.
  absl::flat_hash_map<std::pair<std::string, std::string>,
                      std::unique_ptr<Destination>>
      destinations_;
  absl::flat_hash_map<std::string, std::size_t> destinations_of_;  // by vendor
  absl::flat_hash_map<std::string, std::size_t> products_of_;      // by vendor
  absl::flat_hash_map<std::string, FoldedSum> folded_;             // by vendor
  bool keeps_changes_ = false;
  std::vector<Row*> changed_;
  std::vector<LedgerNumber> dropped_;
  absl::flat_hash_set<std::string> folded_changed_;
  absl::flat_hash_map<RowKey, Counters> untold_;
  std::uint64_t overflowed_ = 0;
  Costs costs_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_TOTALS_H_
