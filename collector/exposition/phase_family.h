// How long the parts of an exchange took, as histograms.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_PHASE_FAMILY_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_PHASE_FAMILY_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/row.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// proxymeter_phase_duration_seconds{proxy_vendor,phase}, with the pod's labels
/// where they are known. Without a series when nothing was timed.
prometheus::MetricFamily PhaseFamily(const std::vector<RowValue>& rows,
                                     const PodIdentity& pod);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_PHASE_FAMILY_H_
