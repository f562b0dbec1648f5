#include <algorithm>
#include <compare>
#include <cstdint>
#include <tuple>

#include "absl/strings/ascii.h"
#include "collector/rpc/snapshot_message.h"
#include "collector/web/messages.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return std::search(
             text.begin(), text.end(), part.begin(), part.end(),
             [](char a, char b) {
               return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                      absl::ascii_tolower(static_cast<unsigned char>(b));
             }) != text.end();
}

bool Matches(const DestinationFigures& figures, const DestinationQuery& query) {
  if (!query.vendor.empty() && figures.vendor != query.vendor) return false;
  return query.search.empty() || Contains(figures.destination, query.search);
}

/// What one is sorted by, made once for each.
struct Entry {
  const DestinationFigures* figures = nullptr;
  bool has_key = true;
  std::string_view text{};
  double number = 0;
  std::uint64_t count = 0;
};

std::string_view ByText(DestinationSort sort, const Entry& entry) {
  return sort == DestinationSort::kVendor ? entry.figures->vendor
                                          : entry.figures->destination;
}

Entry MakeEntry(const Figures& all, const DestinationFigures& figures,
                DestinationSort sort) {
  Entry entry{.figures = &figures};
  const TrafficCounters& counters = figures.counters;
  switch (sort) {
    case DestinationSort::kBytes:
      entry.count = counters[kSentBytes] + counters[kReceivedBytes];
      break;
    case DestinationSort::kSent:
      entry.count = counters[kSentBytes];
      break;
    case DestinationSort::kReceived:
      entry.count = counters[kReceivedBytes];
      break;
    case DestinationSort::kRequests:
      entry.count = counters[kRequests];
      break;
    case DestinationSort::kErrors:
      entry.count = counters[kResponses4xx] + counters[kResponses5xx];
      break;
    case DestinationSort::kByteRate:
    case DestinationSort::kRequestRate:
      entry.has_key = figures.growth.has_value();
      if (!entry.has_key) break;
      entry.number =
          sort == DestinationSort::kRequestRate
              ? figures.growth->requests
              : figures.growth->sent_bytes + figures.growth->received_bytes;
      break;
    case DestinationSort::kCost: {
      const Figures::Costs* costs =
          all.FindCosts(figures.vendor, figures.destination);
      entry.has_key = costs != nullptr && !costs->empty();
      if (!entry.has_key) break;
      entry.text = costs->begin()->first;
      entry.number = InCurrency(costs->begin()->second);
      break;
    }
    case DestinationSort::kDestination:
    case DestinationSort::kVendor:
      entry.text = ByText(sort, entry);
      break;
  }
  return entry;
}

bool SortsByName(DestinationSort sort) {
  return sort == DestinationSort::kDestination ||
         sort == DestinationSort::kVendor;
}

/// Ascending names, descending figures; within a currency, for costs.
bool Before(const Entry& a, const Entry& b, const DestinationQuery& query) {
  if (a.has_key != b.has_key) return a.has_key;
  const auto names = [](const Entry& entry) {
    return std::tie(entry.figures->destination, entry.figures->vendor);
  };
  const Entry& low = query.reversed ? b : a;
  const Entry& high = query.reversed ? a : b;
  if (SortsByName(query.sort)) {
    if (a.text != b.text) return low.text < high.text;
    return names(a) < names(b);
  }
  if (a.text != b.text) return a.text < b.text;
  if (a.number != b.number) return low.number > high.number;
  if (a.count != b.count) return low.count > high.count;
  return names(a) < names(b);
}

v1::TrafficPart Part(const RowKey& key) {
  v1::TrafficPart part;
  part.set_protocol(std::string(Name(key.protocol)));
  part.set_visibility(std::string(Name(key.visibility)));
  return part;
}

// Rows that differ in the labels of products alone are one part.
void FillParts(const Figures& figures, const DestinationFigures& from,
               v1::DestinationFigures* to) {
  std::map<std::pair<Protocol, Visibility>, Counters> sums;
  for (const std::uint32_t index : from.parts) {
    const RowValue& row = figures.rows()[index];
    Counters& sum = sums[{row.key.protocol, row.key.visibility}];
    for (std::size_t i = 0; i < kTrafficCounters; ++i) {
      sum[i] += row.counters[i];
    }
  }
  for (const auto& [key, counters] : sums) {
    v1::TrafficPart* part = to->add_parts();
    *part = Part({.protocol = key.first, .visibility = key.second});
    FillTraffic(counters, part->mutable_counters());
  }
}

void Fill(const Figures& figures, const DestinationFigures& from,
          v1::DestinationFigures* to) {
  to->set_vendor(std::string(from.vendor));
  to->set_destination(std::string(from.destination));
  FillTraffic(from.counters, to->mutable_counters());
  FillParts(figures, from, to);
  if (from.growth) *to->mutable_rates() = RatesMessage(*from.growth);
  const Figures::Costs* costs =
      figures.FindCosts(from.vendor, from.destination);
  if (costs == nullptr) return;
  for (const auto& [currency, units] : *costs) {
    v1::Cost* cost = to->add_costs();
    cost->set_currency(std::string(currency));
    cost->set_amount(InCurrency(units));
  }
}

}  // namespace

v1::DestinationsResponse DestinationsMessage(const Figures& figures,
                                             const DestinationQuery& query) {
  v1::DestinationsResponse message;
  FillMoment(figures, message);
  if (figures.rate_seconds()) {
    message.set_rate_seconds(*figures.rate_seconds());
  }
  std::vector<Entry> entries;
  for (const DestinationFigures& destination : figures.destinations()) {
    if (Matches(destination, query)) {
      entries.push_back(MakeEntry(figures, destination, query.sort));
    }
  }
  message.set_total(figures.destinations().size());
  message.set_matched(entries.size());
  const std::size_t first = std::min(query.offset, entries.size());
  const std::size_t last =
      first + std::min(query.limit, entries.size() - first);
  std::partial_sort(
      entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(last),
      entries.end(),
      [&query](const Entry& a, const Entry& b) { return Before(a, b, query); });
  for (std::size_t i = first; i < last; ++i) {
    Fill(figures, *entries[i].figures, message.add_destinations());
  }
  return message;
}

}  // namespace proxymeter::collector
