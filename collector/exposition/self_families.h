// What the collector says of itself and of the shims.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/sessions.h"

namespace proxymeter::collector {

/// Sessions, frames, journals, rejections, and the shims' own events.
std::vector<prometheus::MetricFamily> SelfFamilies(
    const AccountsSnapshot& snapshot);

/// Build, start, memory and CPU time of this process; `start_seconds` since
/// the Unix epoch.
std::vector<prometheus::MetricFamily> ProcessFamilies(double start_seconds);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_
