// All that a scrape is told.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_METRICS_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_METRICS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "collector/accounts/sessions.h"
#include "collector/audit/audit_health.h"
#include "collector/exposition/policy_families.h"
#include "collector/exposition/self_families.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// Thread-safe.
class Metrics {
 public:
  struct View {
    AccountsSnapshot accounts;
    CollectorHealth health;
    PolicyStanding policy{};
    AuditHealth audit{};
  };
  Metrics(std::function<View()> view, PodIdentity pod);

  /// How often the metrics were asked for.
  std::uint64_t collections() const { return collections_.load(); }

  /// In Prometheus's text format, version 0.0.4.
  std::string Text() const;

 private:
  const std::function<View()> view_;
  const PodIdentity pod_;
  mutable std::atomic<std::uint64_t> collections_ = 0;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_METRICS_H_
