// The accounts in prometheus-cpp's data model.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/sessions.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// Thread-safe. `sessions` must outlive it.
class MetricsCollectable : public prometheus::Collectable {
 public:
  /// `start_seconds`: when the totals began, in seconds since the Unix epoch.
  MetricsCollectable(const Sessions& sessions, PodIdentity pod,
                     double start_seconds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Sessions& sessions_;
  const PodIdentity pod_;
  const double start_seconds_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_
