#include "collector/accounts/totals.h"

#include <limits>
#include <utility>

namespace proxymeter::collector {
namespace {

void AddSaturating(Counters& sums, const Counters& deltas) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (__builtin_add_overflow(sums[i], deltas[i], &sums[i])) {
      sums[i] = std::numeric_limits<std::uint64_t>::max();
    }
  }
}

RowKey WithoutDetail(RowKey key) {
  if (!key.destination.empty()) key.destination = kOtherDestination;
  // Unwinders are few; reply codes are not.
  if (key.kind != RowKind::kCaller) key.code = 0;
  return key;
}

// A hostile process can make up as many vendors as destinations.
RowKey WithoutVendor(RowKey key) {
  if (key.kind != RowKind::kShim) key.vendor = kOtherDestination;
  return WithoutDetail(std::move(key));
}

}  // namespace

void Totals::Add(const RowKey& key, const Counters& deltas) {
  if (AddIfRoom(key, deltas, max_rows_)) return;
  ++overflowed_;
  // Real vendors are few: a little more room keeps their sums exact.
  if (AddIfRoom(WithoutDetail(key), deltas, max_rows_ + max_rows_ / 16)) return;
  const RowKey other = WithoutVendor(key);
  AddTo(other, rows_[other], deltas);
}

bool Totals::AddIfRoom(const RowKey& key, const Counters& deltas,
                       std::size_t room) {
  if (const auto found = rows_.find(key); found != rows_.end()) {
    AddTo(key, found->second, deltas);
    return true;
  }
  if (rows_.size() >= room) return false;
  AddTo(key, rows_[key], deltas);
  return true;
}

void Totals::AddTo(const RowKey& key, Sum& sum, const Counters& deltas) {
  AddSaturating(sum.counters, deltas);
  if (keeps_changes_ && !sum.changed) {
    sum.changed = true;
    changed_.push_back(key);
  }
}

std::vector<RowValue> Totals::TakeChanges() {
  std::vector<RowValue> rows;
  rows.reserve(changed_.size());
  for (RowKey& key : changed_) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) continue;
    found->second.changed = false;
    rows.push_back({std::move(key), found->second.counters});
  }
  changed_.clear();
  return rows;
}

void Totals::MarkChanged(const RowKey& key) {
  const auto found = rows_.find(key);
  if (found == rows_.end() || found->second.changed) return;
  found->second.changed = true;
  changed_.push_back(key);
}

std::vector<RowValue> Totals::Rows() const {
  std::vector<RowValue> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, sum] : rows_) rows.push_back({key, sum.counters});
  return rows;
}

}  // namespace proxymeter::collector
