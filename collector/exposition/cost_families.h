// What traffic has cost, as metric families.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_COST_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_COST_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/cost.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// proxymeter_cost_total and proxymeter_destination_cost_total, with the pod's
/// labels where they are known. A family without a series is left out.
std::vector<prometheus::MetricFamily> CostFamilies(
    const std::vector<CostValue>& costs, const PodIdentity& pod);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_COST_FAMILIES_H_
