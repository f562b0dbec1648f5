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
  AddSaturating(rows_[WithoutVendor(key)], deltas);
}

bool Totals::AddIfRoom(const RowKey& key, const Counters& deltas,
                       std::size_t room) {
  if (const auto found = rows_.find(key); found != rows_.end()) {
    AddSaturating(found->second, deltas);
    return true;
  }
  if (rows_.size() >= room) return false;
  rows_.emplace(key, deltas);
  return true;
}

std::vector<RowValue> Totals::Rows() const {
  std::vector<RowValue> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, counters] : rows_) rows.push_back({key, counters});
  return rows;
}

}  // namespace proxymeter::collector
