#include <algorithm>
#include <iterator>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "collector/rpc/snapshot_message.h"
#include "collector/web/messages.h"

namespace proxymeter::collector {
namespace {

std::uint64_t Bytes(const VendorFigures& vendor) {
  return vendor.counters[kSentBytes] + vendor.counters[kReceivedBytes];
}

std::vector<const VendorFigures*> MostFirst(const Figures& figures) {
  std::vector<const VendorFigures*> vendors;
  for (const VendorFigures& vendor : figures.vendors()) {
    vendors.push_back(&vendor);
  }
  std::sort(vendors.begin(), vendors.end(),
            [](const VendorFigures* a, const VendorFigures* b) {
              return std::tuple(Bytes(*b), a->vendor) <
                     std::tuple(Bytes(*a), b->vendor);
            });
  return vendors;
}

void Fill(const Figures& figures, const VendorFigures& from,
          v1::VendorFigures* to) {
  to->set_vendor(std::string(from.vendor));
  FillTraffic(from.counters, to->mutable_counters());
  to->set_inferred_requests(from.inferred_requests);
  to->set_kernel_only_sent_bytes(from.kernel_only_sent);
  to->set_kernel_only_received_bytes(from.kernel_only_received);
  to->set_destinations(from.destinations);
  to->set_proxy_errors(from.proxy_errors);
  to->mutable_connections();
  if (from.growth) {
    *to->mutable_rates() = RatesMessage(*from.growth);
    to->mutable_rates()->set_proxy_errors(from.growth->proxy_errors);
  }
  const Figures::Costs* costs = figures.FindCosts(from.vendor, "");
  if (costs == nullptr) return;
  for (const auto& [currency, units] : *costs) {
    v1::Cost* cost = to->add_costs();
    cost->set_currency(std::string(currency));
    cost->set_amount(InCurrency(units));
    const auto per_hour = from.cost_per_hour.find(currency);
    if (per_hour != from.cost_per_hour.end()) {
      cost->set_per_hour(per_hour->second);
    }
  }
}

// What is no traffic, as gRPC tells it.
v1::SnapshotResponse WithoutTraffic(const Figures& figures) {
  AccountsSnapshot few;
  constexpr RowKind kKinds[] = {RowKind::kVendor, RowKind::kTunnel,
                                RowKind::kPhase,  RowKind::kProxyError,
                                kKernelRow,       kUnmeteredRow};
  for (const RowValue& row : figures.rows()) {
    if (std::find(std::begin(kKinds), std::end(kKinds), row.key.kind) !=
        std::end(kKinds)) {
      few.rows.push_back(row);
    }
  }
  return SnapshotMessage(few, {}, 0);
}

}  // namespace

v1::Rates RatesMessage(const Growth& growth) {
  v1::Rates rates;
  rates.set_requests(growth.requests);
  rates.set_sent_bytes(growth.sent_bytes);
  rates.set_received_bytes(growth.received_bytes);
  return rates;
}

v1::VendorsResponse VendorsMessage(const Figures& figures) {
  v1::VendorsResponse message;
  FillMoment(figures, message);
  if (figures.rate_seconds()) {
    message.set_rate_seconds(*figures.rate_seconds());
  }
  absl::flat_hash_map<std::string_view, v1::VendorFigures*> told;
  const auto vendors = MostFirst(figures);
  const std::size_t count = std::min(vendors.size(), kMaxVendorsTold);
  message.set_vendors_beyond_limit(vendors.size() - count);
  for (std::size_t i = 0; i < count; ++i) {
    v1::VendorFigures* to = message.add_vendors();
    Fill(figures, *vendors[i], to);
    told[vendors[i]->vendor] = to;
  }
  v1::SnapshotResponse rest = WithoutTraffic(figures);
  const auto give = [&told](auto& totals, const auto& taker) {
    for (auto& total : totals) {
      const auto found = told.find(total.vendor());
      if (found != told.end()) taker(*found->second, std::move(total));
    }
  };
  give(*rest.mutable_vendors(),
       [](v1::VendorFigures& to, v1::VendorTotal&& of) {
         *to.mutable_connections() = std::move(*of.mutable_counters());
       });
  give(*rest.mutable_kernel(), [](v1::VendorFigures& to, v1::KernelTotal&& of) {
    *to.mutable_kernel() = std::move(*of.mutable_counters());
  });
  give(*rest.mutable_tunnels(),
       [](auto& to, auto&& of) { *to.add_tunnels() = std::move(of); });
  give(*rest.mutable_phases(),
       [](auto& to, auto&& of) { *to.add_phases() = std::move(of); });
  give(*rest.mutable_proxy_errors(),
       [](auto& to, auto&& of) { *to.add_errors() = std::move(of); });
  give(*rest.mutable_unmetered(),
       [](auto& to, auto&& of) { *to.add_unmetered() = std::move(of); });
  return message;
}

}  // namespace proxymeter::collector
