#include "collector/exposition/metrics_collectable.h"

#include <iterator>
#include <utility>

#include "collector/exposition/phase_family.h"
#include "collector/exposition/self_families.h"
#include "collector/exposition/traffic_families.h"

namespace proxymeter::collector {
namespace {

void Append(std::vector<prometheus::MetricFamily>& to,
            std::vector<prometheus::MetricFamily> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

}  // namespace

MetricsCollectable::MetricsCollectable(
    std::function<AccountsSnapshot()> snapshot, PodIdentity pod,
    double start_seconds)
    : snapshot_(std::move(snapshot)),
      pod_(std::move(pod)),
      start_seconds_(start_seconds) {}

std::vector<prometheus::MetricFamily> MetricsCollectable::Collect() const {
  const AccountsSnapshot snapshot = snapshot_();
  std::vector<prometheus::MetricFamily> families =
      TrafficFamilies(snapshot.rows, snapshot.folded, pod_);
  prometheus::MetricFamily phases = PhaseFamily(snapshot.rows, pod_);
  if (!phases.metric.empty()) families.push_back(std::move(phases));
  Append(families, SelfFamilies(snapshot));
  Append(families, ProcessFamilies(start_seconds_));
  ++collections_;
  return families;
}

}  // namespace proxymeter::collector
