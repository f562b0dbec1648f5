// What crawlers did, as metric families.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_TRAFFIC_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_TRAFFIC_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/row.h"
#include "collector/accounts/state.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// Connections, tunnels, proxy errors, held bytes, callers, and what traffic
/// comes to by vendor; by destination DestinationText has it.
/// Families by vendor hold `folded` too: they never fall.
/// The pod's labels are added to each series where they are known. Families
/// without a series are left out.
std::vector<prometheus::MetricFamily> TrafficFamilies(
    const std::vector<RowValue>& rows, const std::vector<FoldedVendor>& folded,
    const PodIdentity& pod);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_TRAFFIC_FAMILIES_H_
