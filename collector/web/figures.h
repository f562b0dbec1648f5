// The accounts as the live page looks at them: by destination and by vendor,
// with what has grown since the page looked last.
#ifndef PROXYMETER_COLLECTOR_WEB_FIGURES_H_
#define PROXYMETER_COLLECTOR_WEB_FIGURES_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "collector/exposition/metrics.h"

namespace proxymeter::collector {

/// When figures were read: for people, and for measuring what lies between.
struct Moment {
  std::uint64_t unix_ns = 0;
  std::chrono::steady_clock::time_point steady{};
};

/// Per second.
struct Growth {
  double requests = 0;
  double sent_bytes = 0;
  double received_bytes = 0;
  double proxy_errors = 0;
};

/// The counters of traffic rows alone: a fraction of what a row has room for.
using TrafficCounters = std::array<std::uint64_t, kTrafficCounters>;

struct DestinationFigures {
  std::string_view vendor{};
  std::string_view destination{};
  TrafficCounters counters{};
  /// Indexes of what it is the sum of, in Figures::rows().
  absl::InlinedVector<std::uint32_t, 2> parts{};
  std::optional<Growth> growth{};
};

struct VendorFigures {
  std::string_view vendor;
  TrafficCounters counters{};
  std::uint64_t inferred_requests = 0;
  std::uint64_t kernel_only_sent = 0;
  std::uint64_t kernel_only_received = 0;
  std::uint64_t destinations = 0;
  std::uint64_t proxy_errors = 0;
  std::optional<Growth> growth{};
  /// Of the costs, by currency, per hour.
  std::map<std::string_view, double> cost_per_hour{};
};

/// As much of figures as growth is counted from.
struct Baseline {
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t proxy_errors = 0;  ///< of vendors
  };
  Moment moment;
  std::uint64_t since_unix_ns = 0;
  absl::flat_hash_map<std::string, Counts> vendors{};
  absl::flat_hash_map<std::string, Counts> destinations{};  ///< by PlaceKey
  absl::flat_hash_map<std::string, CostUnits>
      costs{};  ///< of vendors, likewise
};

/// Not to be moved once made: it points into itself.
class Figures {
 public:
  using Costs = std::map<std::string_view, CostUnits>;  ///< by currency

  /// Rates are the growth since `base`: there are none without it, when it is
  /// older than kLongestInterval, or when it counts from another moment.
  Figures(Metrics::View view, const Moment& moment, const Baseline* base);
  Figures(const Figures&) = delete;
  Figures& operator=(const Figures&) = delete;

  static constexpr std::chrono::seconds kLongestInterval{45};

  Baseline AsBaseline() const;

  const Metrics::View& view() const { return view_; }
  const Moment& moment() const { return moment_; }
  /// Seconds that rates are taken over; nothing where there are none.
  const std::optional<double>& rate_seconds() const { return rate_seconds_; }
  const std::vector<RowValue>& rows() const { return view_.accounts.rows; }
  const std::vector<DestinationFigures>& destinations() const {
    return destinations_;
  }
  const std::vector<VendorFigures>& vendors() const { return vendors_; }
  /// Null where nothing was ever billed. An empty destination: the vendor's.
  const Costs* FindCosts(std::string_view vendor,
                         std::string_view destination) const;

 private:
  using Place = std::pair<std::string_view, std::string_view>;

  VendorFigures& Vendor(std::string_view name);
  void AddFolded();
  void AddRows();
  void AddTraffic(std::uint32_t index);
  void AddCosts();
  void AddGrowth(const Baseline& base);
  void AddCostGrowth(const Baseline& base, VendorFigures& vendor) const;

  Metrics::View view_;
  const Moment moment_;
  std::optional<double> rate_seconds_;
  std::vector<DestinationFigures> destinations_;
  absl::flat_hash_map<Place, std::uint32_t> destination_at_;
  std::vector<VendorFigures> vendors_;
  absl::flat_hash_map<std::string_view, std::uint32_t> vendor_at_;
  absl::flat_hash_map<Place, Costs> costs_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_FIGURES_H_
