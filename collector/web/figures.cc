#include "collector/web/figures.h"

#include <algorithm>
#include <utility>

#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

template <typename From>
void Add(const From& from, TrafficCounters& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

Baseline::Counts CountsOf(const TrafficCounters& counters,
                          std::uint64_t proxy_errors) {
  return {counters[kRequests], counters[kSentBytes], counters[kReceivedBytes],
          proxy_errors};
}

// No name has a line's end.
std::string PlaceKey(std::string_view one, std::string_view other) {
  std::string key;
  key.reserve(one.size() + 1 + other.size());
  key.append(one).append("\n").append(other);
  return key;
}

// Nothing for what has fallen: it counts from another moment.
std::optional<Growth> GrowthOf(const Baseline::Counts& before,
                               const Baseline::Counts& now, double seconds) {
  if (now.requests < before.requests || now.sent_bytes < before.sent_bytes ||
      now.received_bytes < before.received_bytes ||
      now.proxy_errors < before.proxy_errors) {
    return std::nullopt;
  }
  const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  return Growth{rate(before.requests, now.requests),
                rate(before.sent_bytes, now.sent_bytes),
                rate(before.received_bytes, now.received_bytes),
                rate(before.proxy_errors, now.proxy_errors)};
}

// What was not there counts from nothing.
template <typename Value>
Value Find(const absl::flat_hash_map<std::string, Value>& map,
           const std::string& key) {
  const auto found = map.find(key);
  return found != map.end() ? found->second : Value{};
}

std::optional<double> SecondsBetween(const Baseline& before,
                                     const Figures& now) {
  const auto elapsed = now.moment().steady - before.moment.steady;
  if (!now.view().accounts.known ||
      before.since_unix_ns != now.view().accounts.since_unix_ns ||
      elapsed <= elapsed.zero() || elapsed > Figures::kLongestInterval) {
    return std::nullopt;
  }
  return std::chrono::duration<double>(elapsed).count();
}

}  // namespace

Figures::Figures(Metrics::View view, const Moment& moment, const Baseline* base)
    : view_(std::move(view)), moment_(moment) {
  AddFolded();
  AddRows();
  AddCosts();
  if (base == nullptr) return;
  rate_seconds_ = SecondsBetween(*base, *this);
  if (rate_seconds_.has_value()) AddGrowth(*base);
}

const Figures::Costs* Figures::FindCosts(std::string_view vendor,
                                         std::string_view destination) const {
  const auto found = costs_.find(Place(vendor, destination));
  return found == costs_.end() ? nullptr : &found->second;
}

VendorFigures& Figures::Vendor(std::string_view name) {
  const auto [place, is_new] =
      vendor_at_.try_emplace(name, static_cast<std::uint32_t>(vendors_.size()));
  if (is_new) vendors_.push_back({.vendor = name});
  return vendors_[place->second];
}

// As one more destination: sums over destinations are the vendor's then. Before
// anything points into the rows.
void Figures::AddFolded() {
  for (FoldedVendor& folded : view_.accounts.folded) {
    view_.accounts.rows.push_back({{.kind = RowKind::kTraffic,
                                    .vendor = folded.vendor,
                                    .destination = kFoldedDestination},
                                   folded.counters});
  }
}

void Figures::AddRows() {
  // An exact number of them, or nearly: they would grow into twice the room.
  destinations_.reserve(static_cast<std::size_t>(std::count_if(
      rows().begin(), rows().end(),
      [](const RowValue& row) { return row.key.kind == RowKind::kTraffic; })));
  for (std::uint32_t i = 0; i < rows().size(); ++i) {
    const RowValue& row = rows()[i];
    if (row.key.kind == RowKind::kTraffic) {
      AddTraffic(i);
    } else if (!row.key.vendor.empty()) {  // the shims' own have none
      VendorFigures& vendor = Vendor(row.key.vendor);
      if (row.key.kind == RowKind::kProxyError) {
        vendor.proxy_errors += row.counters[kProxyErrors];
      }
    }
  }
}

void Figures::AddTraffic(std::uint32_t index) {
  const RowKey& key = rows()[index].key;
  const Counters& counters = rows()[index].counters;
  VendorFigures& vendor = Vendor(key.vendor);
  Add(counters, vendor.counters);
  if (key.visibility == Visibility::kInferred) {
    vendor.inferred_requests += counters[kRequests];
  } else if (key.visibility == Visibility::kKernel) {
    vendor.kernel_only_sent += counters[kSentBytes];
    vendor.kernel_only_received += counters[kReceivedBytes];
  }
  const auto [place, is_new] = destination_at_.try_emplace(
      Place(key.vendor, key.destination),
      static_cast<std::uint32_t>(destinations_.size()));
  if (is_new) {
    DestinationFigures& added = destinations_.emplace_back();
    added.vendor = key.vendor;
    added.destination = key.destination;
    if (key.destination != kFoldedDestination) ++vendor.destinations;
  }
  DestinationFigures& destination = destinations_[place->second];
  Add(counters, destination.counters);
  destination.parts.push_back(index);
}

void Figures::AddCosts() {
  for (const CostValue& cost : view_.accounts.costs) {
    costs_[Place(cost.key.vendor, cost.key.destination)][cost.key.currency] =
        cost.cost;
  }
}

void Figures::AddGrowth(const Baseline& base) {
  for (DestinationFigures& now : destinations_) {
    now.growth =
        GrowthOf(Find(base.destinations, PlaceKey(now.vendor, now.destination)),
                 CountsOf(now.counters, 0), *rate_seconds_);
  }
  for (VendorFigures& now : vendors_) {
    now.growth =
        GrowthOf(Find(base.vendors, std::string(now.vendor)),
                 CountsOf(now.counters, now.proxy_errors), *rate_seconds_);
    AddCostGrowth(base, now);
  }
}

void Figures::AddCostGrowth(const Baseline& base, VendorFigures& vendor) const {
  const Costs* costs = FindCosts(vendor.vendor, "");
  if (costs == nullptr) return;
  for (const auto& [currency, cost] : *costs) {
    const CostUnits was = Find(base.costs, PlaceKey(vendor.vendor, currency));
    if (cost < was) continue;
    vendor.cost_per_hour[currency] =
        InCurrency(cost - was) * 3600 / *rate_seconds_;
  }
}

Baseline Figures::AsBaseline() const {
  Baseline base{.moment = moment_,
                .since_unix_ns = view_.accounts.since_unix_ns};
  base.destinations.reserve(destinations_.size());
  for (const DestinationFigures& destination : destinations_) {
    base.destinations[PlaceKey(destination.vendor, destination.destination)] =
        CountsOf(destination.counters, 0);
  }
  for (const VendorFigures& vendor : vendors_) {
    base.vendors[std::string(vendor.vendor)] =
        CountsOf(vendor.counters, vendor.proxy_errors);
    const Costs* costs = FindCosts(vendor.vendor, "");
    if (costs == nullptr) continue;
    for (const auto& [currency, cost] : *costs) {
      base.costs[PlaceKey(vendor.vendor, currency)] = cost;
    }
  }
  return base;
}

}  // namespace proxymeter::collector
