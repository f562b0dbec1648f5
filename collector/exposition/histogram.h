// A row of durations as a histogram of Prometheus.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_HISTOGRAM_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_HISTOGRAM_H_

#include <prometheus/client_metric.h>

#include "collector/accounts/row.h"

namespace proxymeter::collector {

/// `counters` are those of a phase row, or of one laid out alike.
prometheus::ClientMetric::Histogram HistogramOf(const Counters& counters);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_HISTOGRAM_H_
