// The accounts in prometheus-cpp's data model.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "collector/accounts/sessions.h"
#include "collector/audit/audit_health.h"
#include "collector/exposition/policy_families.h"
#include "collector/exposition/self_families.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// Thread-safe.
class MetricsCollectable : public prometheus::Collectable {
 public:
  struct View {
    AccountsSnapshot accounts;
    CollectorHealth health;
    PolicyStanding policy{};
    AuditHealth audit{};
  };
  MetricsCollectable(std::function<View()> view, PodIdentity pod);

  /// How often the metrics were asked for.
  std::uint64_t collections() const { return collections_.load(); }

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::function<View()> view_;
  const PodIdentity pod_;
  mutable std::atomic<std::uint64_t> collections_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_METRICS_COLLECTABLE_H_
