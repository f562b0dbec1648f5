#include "collector/accounts/totals.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxymeter/product_labels.h"

namespace proxymeter::collector {
namespace {

void AddSaturating(RowKind kind, Counters& sums, const Counters& deltas) {
  for (std::size_t i = 0; i < CounterCount(kind); ++i) {
    if (__builtin_add_overflow(sums[i], deltas[i], &sums[i])) {
      sums[i] = std::numeric_limits<std::uint64_t>::max();
    }
  }
}

// The same names, each with the value `_other`.
std::string OtherProduct(std::string_view text) {
  ProductLabels labels;
  labels.Parse(text);
  std::string other;
  for (const auto& [name, value] : labels) {
    absl::StrAppend(&other, other.empty() ? "" : ",", std::string(name), "=",
                    kOtherDestination);
  }
  return other;
}

RowKey WithoutDetail(RowKey key) {
  if (key.kind == kProductRow) {
    key.destination = OtherProduct(key.destination);
    return key;
  }
  if (!key.destination.empty()) key.destination = kOtherDestination;
  // Of codes only those of replies are many.
  if (key.kind == RowKind::kTunnel) key.code = 0;
  return key;
}

// A hostile process can make up as many vendors as destinations.
RowKey WithoutVendor(RowKey key) {
  if (key.kind != RowKind::kShim) key.vendor = kOtherDestination;
  return WithoutDetail(std::move(key));
}

}  // namespace

void Totals::SetTerms(const std::vector<VendorTerms>& terms) {
  // Where a row's deltas go may be another place from here on.
  ++folds_;
  costs_.SetPrices(terms);
  max_destinations_of_.clear();
  for (const VendorTerms& vendor : terms) {
    if (vendor.max_destinations != 0) {
      max_destinations_of_[vendor.vendor] = vendor.max_destinations;
    }
  }
}

void Totals::Add(const RowKey& key, const Counters& deltas, Teller teller,
                 Place& place) {
  Row& row = RowFor(key, place);
  AddTo(row, deltas, teller);
  AddCosts(key, row, deltas);
}

// Where the deltas of `key` go.
Totals::Row& Totals::RowFor(const RowKey& key, Place& place) {
  if (place.row_ != nullptr && place.folds_ == folds_) return *place.row_;
  place.row_ = FindOrInsert(key, max_rows_);
  place.folds_ = folds_;
  if (place.row_ != nullptr) return *place.row_;
  ++overflowed_;
  // Real vendors are few: a little more room keeps their sums exact.
  Row* other = FindOrInsert(WithoutDetail(key), max_rows_ + max_rows_ / 16);
  if (other == nullptr) {
    other = FindOrInsert(WithoutVendor(key),
                         std::numeric_limits<std::size_t>::max());
  }
  return *other;
}

// Vendors with a price are those of the configuration, so there is always room
// for them; destinations are those that are told apart.
void Totals::AddCosts(const RowKey& key, const Row& row,
                      const Counters& deltas) {
  if (key.kind == RowKind::kVendor) costs_.AddHandshakes(key.vendor, deltas);
  if (key.kind != RowKind::kTraffic) return;
  static const std::string& other = *new std::string(kOtherDestination);
  const RowKey& to = row.first;
  costs_.Add(key.vendor, to.vendor == key.vendor ? to.destination : other,
             deltas);
}

// Null when it is not there and there is no room for it.
Totals::Row* Totals::FindOrInsert(const RowKey& key, std::size_t room) {
  if (const auto found = rows_.find(key); found != rows_.end()) return &*found;
  if (rows_.size() >= room || !HasRoomForDestination(key)) return nullptr;
  return Insert(key);
}

bool Totals::HasRoomForDestination(const RowKey& key) const {
  if (key.kind == kProductRow) {
    const auto vendor = products_of_.find(key.vendor);
    return vendor == products_of_.end() || vendor->second < kMaxProducts ||
           OtherProduct(key.destination) == key.destination;
  }
  if (key.kind != RowKind::kTraffic || key.destination == kOtherDestination) {
    return true;
  }
  const auto vendor = destinations_of_.find(key.vendor);
  const auto own = max_destinations_of_.find(key.vendor);
  const std::size_t room =
      own == max_destinations_of_.end() ? max_destinations_ : own->second;
  return vendor == destinations_of_.end() || vendor->second < room ||
         destinations_.contains(std::pair(key.vendor, key.destination));
}

Totals::Row* Totals::Insert(const RowKey& key) {
  Row& row = *rows_.try_emplace(key).first;
  row.second.number = ++last_number_;
  if (key.kind == kProductRow) ++products_of_[key.vendor];
  if (key.kind != RowKind::kTraffic) return &row;
  std::unique_ptr<Destination>& destination =
      destinations_[std::pair(key.vendor, key.destination)];
  if (destination == nullptr) {
    destination = std::make_unique<Destination>();
    ++destinations_of_[key.vendor];
  }
  row.second.destination = destination.get();
  return &row;
}

void Totals::AddTo(Row& row, const Counters& deltas, Teller teller) {
  Sum& sum = row.second;
  const RowKind kind = row.first.kind;
  AddSaturating(kind, sum.counters, deltas);
  if (sum.destination != nullptr) sum.destination->active = true;
  if (!keeps_changes_) return;
  if (teller == Teller::kNobody) {
    AddSaturating(kind, untold_[row.first], deltas);
  }
  if (!std::exchange(sum.changed, true)) changed_.push_back(&row);
}

void Totals::FoldIdle(TimePoint now, std::chrono::milliseconds idle) {
  bool any = false;
  // Vendors that crawlers make up must not pile up here for ever: those beyond
  // keep their rows, which have a limit of their own.
  const std::size_t max_vendors = std::max<std::size_t>(max_rows_ / 16, 1);
  std::size_t new_vendors = max_vendors - std::min(max_vendors, folded_.size());
  absl::flat_hash_set<std::string> vendors;
  for (auto& [name, destination] : destinations_) {
    if (std::exchange(destination->active, false)) {
      destination->last_active = now;
    }
    destination->idle = false;
    if (now - destination->last_active < idle) continue;
    if (!folded_.contains(name.first) && !vendors.contains(name.first)) {
      if (new_vendors == 0) continue;
      --new_vendors;
      vendors.insert(name.first);
    }
    destination->idle = any = true;
  }
  if (!any) return;
  const auto is_idle = [](const Row& row) {
    const Destination* destination = row.second.destination;
    return destination != nullptr && destination->idle;
  };
  ++folds_;
  std::erase_if(changed_, [&](const Row* row) { return is_idle(*row); });
  // All rows of a destination at once: a series that sums some of them up must
  // not fall while another of them lives.
  absl::erase_if(rows_, [&](const Row& row) {
    if (!is_idle(row)) return false;
    Fold(row);
    return true;
  });
  absl::erase_if(destinations_, [this](const auto& item) {
    if (!item.second->idle) return false;
    const std::string& vendor = item.first.first;
    ++folded_[vendor].destinations;
    costs_.Drop(vendor, item.first.second);
    const auto left = destinations_of_.find(vendor);
    if (--left->second == 0) destinations_of_.erase(left);
    return true;
  });
}

void Totals::Fold(const Row& row) {
  const std::string& vendor = row.first.vendor;
  AddSaturating(row.first.kind, folded_[vendor].counters, row.second.counters);
  if (!keeps_changes_) return;
  folded_changed_.insert(vendor);
  dropped_.push_back(row.second.number);
}

void Totals::TakeChanges(AccountsState& state) {
  state.dropped = std::exchange(dropped_, {});
  state.totals.reserve(changed_.size());
  for (Row* row : changed_) {
    Sum& sum = row->second;
    sum.changed = false;
    state.totals.push_back({sum.number,
                            {row->first, sum.counters},
                            std::exchange(sum.in_ledger, true)});
  }
  changed_.clear();
  for (const std::string& vendor : folded_changed_) {
    const FoldedSum& sum = folded_[vendor];
    state.folded.push_back({vendor, sum.destinations, sum.counters});
  }
  folded_changed_.clear();
  for (const auto& [key, counters] : untold_) {
    state.untold.push_back({key, counters});
  }
  untold_.clear();
  costs_.TakeChanges(state);
}

void Totals::PutBack(const AccountsState& state) {
  for (const TotalRow& total : state.totals) {
    const auto found = rows_.find(total.row.key);
    // Folded since, and perhaps begun anew.
    if (found == rows_.end() || found->second.number != total.number) continue;
    found->second.in_ledger = total.in_ledger;
    if (std::exchange(found->second.changed, true)) continue;
    changed_.push_back(&*found);
  }
  dropped_.insert(dropped_.end(), state.dropped.begin(), state.dropped.end());
  for (const FoldedVendor& vendor : state.folded) {
    folded_changed_.insert(vendor.vendor);
  }
  for (const RowValue& row : state.untold) {
    AddSaturating(row.key.kind, untold_[row.key], row.counters);
  }
  costs_.PutBack(state);
}

void Totals::Restore(const AccountsState& state) {
  LedgerNumber last = 0;
  for (const TotalRow& total : state.totals) {
    Sum& sum = Insert(total.row.key)->second;
    sum.counters = total.row.counters;
    sum.number = total.number;
    sum.in_ledger = true;
    last = std::max(last, total.number);
  }
  last_number_ = last;
  for (const FoldedVendor& vendor : state.folded) {
    folded_[vendor.vendor] = {vendor.destinations, vendor.counters};
  }
  overflowed_ = state.workload.overflowed;
  costs_.Restore(state);
}

std::vector<RowValue> Totals::Rows() const {
  std::vector<RowValue> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, sum] : rows_) rows.push_back({key, sum.counters});
  return rows;
}

VendorSums Totals::SumsByVendor() const {
  // Views of the keys while it sums: of many rows few are another vendor's.
  absl::flat_hash_map<std::string_view, VendorSum> sums;
  const auto add = [&sums](std::string_view vendor, const Counters& traffic) {
    VendorSum& sum = sums[vendor];
    sum.requests += traffic[kRequests];
    sum.sent_bytes += traffic[kSentBytes];
    sum.received_bytes += traffic[kReceivedBytes];
  };
  for (const auto& [key, sum] : rows_) {
    if (key.kind == RowKind::kTraffic) {
      add(key.vendor, sum.counters);
    } else if (key.kind == RowKind::kProxyError) {
      sums[key.vendor].proxy_errors += sum.counters[kProxyErrors];
    }
  }
  for (const auto& [vendor, sum] : folded_) add(vendor, sum.counters);
  return {sums.begin(), sums.end()};
}

std::vector<FoldedVendor> Totals::Folded() const {
  std::vector<FoldedVendor> folded;
  folded.reserve(folded_.size());
  for (const auto& [vendor, sum] : folded_) {
    folded.push_back({vendor, sum.destinations, sum.counters});
  }
  return folded;
}

}  // namespace proxymeter::collector
