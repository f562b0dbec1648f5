#include "cli/top_view.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "proxymeter/journal.h"

namespace proxymeter::cli {
namespace {

using TrafficKey = std::tuple<std::string_view, std::string_view, v1::Protocol,
                              v1::Visibility>;

TrafficKey KeyOf(const v1::TrafficTotal& row) {
  return {row.vendor(), row.destination(), row.protocol(), row.visibility()};
}

// A newer collector may know values that this program does not.
std::string NameOf(v1::Protocol protocol) {
  if (protocol < 0 || protocol > kLastProtocol) return "unknown";
  return std::string(Name(static_cast<Protocol>(protocol)));
}
std::string NameOf(v1::Visibility visibility) {
  if (visibility < 0 || visibility > kLastVisibility) return "unknown";
  return std::string(Name(static_cast<Visibility>(visibility)));
}

Traffic FromProto(const v1::TrafficCounters& counters) {
  return {
      .requests = counters.requests(),
      .responses_2xx = counters.responses_2xx(),
      .responses_3xx = counters.responses_3xx(),
      .responses_4xx = counters.responses_4xx(),
      .responses_5xx = counters.responses_5xx(),
      .responses_other = counters.responses_1xx() + counters.responses_other(),
      .sent_bytes = counters.sent_bytes(),
      .received_bytes = counters.received_bytes()};
}

std::optional<Rates> Growth(const Traffic& before, const Traffic& now,
                            double seconds) {
  if (now.requests < before.requests || now.sent_bytes < before.sent_bytes ||
      now.received_bytes < before.received_bytes) {
    return std::nullopt;
  }
  const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  return Rates{rate(before.requests, now.requests),
               rate(before.sent_bytes, now.sent_bytes),
               rate(before.received_bytes, now.received_bytes)};
}

/// Seconds that rates are taken over; nothing when there can be none.
std::optional<double> RateSeconds(const v1::SnapshotResponse& now,
                                  const v1::SnapshotResponse* before) {
  if (before == nullptr || before->since_unix_ns() != now.since_unix_ns() ||
      before->unix_ns() >= now.unix_ns()) {
    return std::nullopt;
  }
  return static_cast<double>(now.unix_ns() - before->unix_ns()) / 1e9;
}

struct Totals {
  std::map<TrafficKey, Traffic> rows;
  std::map<std::string_view, Traffic> vendors;
  Traffic all;
};

Totals SumUp(const v1::SnapshotResponse& snapshot) {
  Totals totals;
  for (const v1::TrafficTotal& row : snapshot.traffic()) {
    const Traffic traffic = FromProto(row.counters());
    totals.rows[KeyOf(row)] += traffic;
    totals.vendors[row.vendor()] += traffic;
    totals.all += traffic;
  }
  return totals;
}

bool OpensTunnel(const v1::TunnelTotal& tunnel) {
  switch (tunnel.protocol()) {
    case v1::PROTOCOL_CONNECT:  // any 2xx: RFC 9110, 9.3.6
      return tunnel.code() >= 200 && tunnel.code() <= 299;
    case v1::PROTOCOL_SOCKS4:
      return tunnel.code() == 90;
    default:  // SOCKS 5: RFC 1928, 6
      return tunnel.code() == 0;
  }
}

std::uint64_t Less(std::uint64_t whole, std::uint64_t part) {
  return whole > part ? whole - part : 0;
}

void AddCounters(const v1::VendorCounters& from, VendorRow& to) {
  to.connections_ok += from.connections_ok();
  to.connections_refused += from.connections_refused();
  to.connections_timed_out += from.connections_timed_out();
  to.connections_failed += from.connections_failed();
  to.connections_abandoned += from.connections_abandoned();
  to.held_sent_bytes +=
      Less(from.held_sent_bytes(), from.released_sent_bytes());
  to.held_received_bytes +=
      Less(from.held_received_bytes(), from.released_received_bytes());
}

std::vector<VendorRow> MakeVendors(const v1::SnapshotResponse& now,
                                   const Totals& totals,
                                   const Witnessed& witnessed) {
  std::map<std::string_view, VendorRow> rows;
  for (const auto& [vendor, traffic] : totals.vendors) {
    rows[vendor].total = traffic;
  }
  for (const v1::VendorTotal& vendor : now.vendors()) {
    AddCounters(vendor.counters(), rows[vendor.vendor()]);
  }
  for (const v1::TunnelTotal& tunnel : now.tunnels()) {
    VendorRow& row = rows[tunnel.vendor()];
    (OpensTunnel(tunnel) ? row.tunnels_opened : row.tunnels_refused) +=
        tunnel.replies();
  }
  for (const KernelRow& row : witnessed.kernel) {
    rows[row.vendor].coverage += row.coverage();
  }
  std::vector<VendorRow> result;
  for (auto& [vendor, row] : rows) {
    row.vendor = vendor;
    result.push_back(std::move(row));
  }
  return result;
}

std::vector<TunnelRow> MakeTunnels(const v1::SnapshotResponse& now) {
  std::vector<TunnelRow> rows;
  for (const v1::TunnelTotal& tunnel : now.tunnels()) {
    rows.push_back({tunnel.vendor(), NameOf(tunnel.protocol()), tunnel.code(),
                    tunnel.replies()});
  }
  const auto key = [](const TunnelRow& row) {
    return std::tie(row.vendor, row.protocol, row.code);
  };
  std::sort(rows.begin(), rows.end(),
            [&key](const TunnelRow& a, const TunnelRow& b) {
              return key(a) < key(b);
            });
  return rows;
}

/// Stable: rows that are equal in the key stay in the order of their names.
template <typename Row>
void Sort(SortKey key, std::vector<Row>& rows) {
  const auto figure = [key](const Row& row) -> double {
    switch (key) {
      case SortKey::kRequests:
        return static_cast<double>(row.total.requests);
      case SortKey::kRate:
        return row.rates ? row.rates->requests : 0;
      case SortKey::kSent:
        return static_cast<double>(row.total.sent_bytes);
      case SortKey::kReceived:
        return static_cast<double>(row.total.received_bytes);
      case SortKey::kVendor:
        break;
    }
    return 0;
  };
  std::stable_sort(
      rows.begin(), rows.end(),
      [&figure](const Row& a, const Row& b) { return figure(a) > figure(b); });
}

}  // namespace

Traffic& Traffic::operator+=(const Traffic& other) {
  requests += other.requests;
  responses_2xx += other.responses_2xx;
  responses_3xx += other.responses_3xx;
  responses_4xx += other.responses_4xx;
  responses_5xx += other.responses_5xx;
  responses_other += other.responses_other;
  sent_bytes += other.sent_bytes;
  received_bytes += other.received_bytes;
  return *this;
}

View MakeView(const v1::SnapshotResponse& now,
              const v1::SnapshotResponse* before, const ViewOptions& options) {
  const std::optional<double> seconds = RateSeconds(now, before);
  const Totals totals = SumUp(now);
  Totals earlier;
  if (seconds.has_value()) earlier = SumUp(*before);

  Witnessed witnessed = MakeWitnessed(now);
  View view{.unix_ns = now.unix_ns(),
            .since_unix_ns = now.since_unix_ns(),
            .sessions = now.sessions(),
            .pod_name = now.pod_name(),
            .pod_namespace = now.pod_namespace(),
            .vendors = MakeVendors(now, totals, witnessed),
            .tunnels = MakeTunnels(now),
            .quality = MakeQuality(now),
            .witnessed = std::move(witnessed),
            .total = totals.all};
  for (const auto& [key, traffic] : totals.rows) {
    const auto& [vendor, destination, protocol, visibility] = key;
    TrafficRow row{.vendor = std::string(vendor),
                   .destination = std::string(destination),
                   .protocol = NameOf(protocol),
                   .visibility = NameOf(visibility),
                   .total = traffic};
    if (seconds) row.rates = Growth(earlier.rows[key], traffic, *seconds);
    view.traffic.push_back(std::move(row));
  }
  if (seconds) {
    for (VendorRow& row : view.vendors) {
      row.rates = Growth(earlier.vendors[row.vendor], row.total, *seconds);
    }
    view.rates = Growth(earlier.all, totals.all, *seconds);
  }
  Sort(options.sort, view.traffic);
  Sort(options.sort, view.vendors);
  if (options.limit > 0 && view.traffic.size() > options.limit) {
    view.traffic_beyond_limit = view.traffic.size() - options.limit;
    view.traffic.resize(options.limit);
  }
  return view;
}

}  // namespace proxymeter::cli
