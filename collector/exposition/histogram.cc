#include "collector/exposition/histogram.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>

#include "proxymeter/journal.h"

namespace proxymeter::collector {

// A row has how many fell into each bucket, Prometheus wants how many were at
// most as long.
prometheus::ClientMetric::Histogram HistogramOf(const Counters& counters) {
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_sum =
      static_cast<double>(counters[kPhaseMicroseconds]) / 1e6;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < kDurationBuckets; ++i) {
    cumulative += counters[kPhaseBuckets + i];
    const double bound = i < std::size(kDurationBounds)
                             ? static_cast<double>(kDurationBounds[i]) / 1e6
                             : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back(
        {.cumulative_count = cumulative, .upper_bound = bound});
  }
  histogram.sample_count = cumulative;
  return histogram;
}

}  // namespace proxymeter::collector
