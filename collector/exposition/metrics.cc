#include "collector/exposition/metrics.h"

#include <iterator>
#include <utility>

#include "collector/exposition/cost_families.h"
#include "collector/exposition/destination_text.h"
#include "collector/exposition/kernel_families.h"
#include "collector/exposition/phase_family.h"
#include "collector/exposition/product_families.h"
#include "collector/exposition/self_families.h"
#include "collector/exposition/text_format.h"
#include "collector/exposition/traffic_families.h"

namespace proxymeter::collector {
namespace {

void Append(std::vector<prometheus::MetricFamily>& to,
            std::vector<prometheus::MetricFamily> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()),
            std::make_move_iterator(from.end()));
}

}  // namespace

Metrics::Metrics(std::function<View()> view, PodIdentity pod)
    : view_(std::move(view)), pod_(std::move(pod)) {}

std::string Metrics::Text() const {
  const View view = view_();
  std::string text;
  std::vector<prometheus::MetricFamily> families;
  // Counters that are absent for a while go on where they were; counters that
  // show less begin anew.
  if (view.accounts.known) {
    text = DestinationText(view.accounts.rows, pod_);
    families = TrafficFamilies(view.accounts.rows, view.accounts.folded, pod_);
    prometheus::MetricFamily phases = PhaseFamily(view.accounts.rows, pod_);
    if (!phases.metric.empty()) families.push_back(std::move(phases));
    Append(families, KernelFamilies(view.accounts.rows, pod_));
    Append(families, ProductFamilies(view.accounts.rows, pod_));
    Append(families, CostFamilies(view.accounts.costs, pod_));
    Append(families, SelfFamilies(view.accounts));
  }
  Append(families, HealthFamilies(view.accounts, view.health));
  Append(families, PolicyFamilies(view.policy));
  Append(families, AuditFamilies(view.audit));
  Append(families, ProcessFamilies());
  ++collections_;
  return text.append(ToText(families));
}

}  // namespace proxymeter::collector
