#include "collector/exposition/cost_families.h"

#include <utility>

#include "collector/exposition/pod_labels.h"

namespace proxymeter::collector {

std::vector<prometheus::MetricFamily> CostFamilies(
    const std::vector<CostValue>& costs, const PodIdentity& pod) {
  using prometheus::MetricType;
  prometheus::MetricFamily vendors{"proxymeter_cost_total",
                                   "All that the vendor's traffic ever cost, "
                                   "by the prices that held when it "
                                   "was counted, in the currency's unit.",
                                   MetricType::Counter,
                                   {}};
  prometheus::MetricFamily destinations{
      "proxymeter_destination_cost_total",
      "What the traffic to a destination cost, of vendors that bill bytes as "
      "they are on the wire.",
      MetricType::Counter,
      {}};
  const auto pod_labels = PodLabels(pod);
  for (const CostValue& cost : costs) {
    const CostKey& key = cost.key;
    prometheus::ClientMetric metric;
    metric.label.push_back({"proxy_vendor", key.vendor});
    if (!key.destination.empty()) {
      metric.label.push_back({"destination_host", key.destination});
    }
    metric.label.push_back({"currency", key.currency});
    metric.label.insert(metric.label.end(), pod_labels.begin(),
                        pod_labels.end());
    metric.counter.value = InCurrency(cost.cost);
    (key.destination.empty() ? vendors : destinations)
        .metric.push_back(std::move(metric));
  }
  std::vector<prometheus::MetricFamily> families;
  for (prometheus::MetricFamily* family : {&vendors, &destinations}) {
    if (!family->metric.empty()) families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace proxymeter::collector
