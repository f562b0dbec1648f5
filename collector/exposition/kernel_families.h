// The second witness in metrics: what the kernel saw, and how much of it was
// reported.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_KERNEL_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_KERNEL_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/row.h"
#include "collector/audit/audit_health.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// By vendor: bytes, connections, coverage, round-trip times.
std::vector<prometheus::MetricFamily> KernelFamilies(
    const std::vector<RowValue>& rows, const PodIdentity& pod);

/// How the audit itself is getting on.
std::vector<prometheus::MetricFamily> AuditFamilies(const AuditHealth& health);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_KERNEL_FAMILIES_H_
