// What Prometheus sees of the vendors' products: zones, countries and so on.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_PRODUCT_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_PRODUCT_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "collector/accounts/row.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// The families proxymeter_product_*, of those among `rows` that are products.
/// A series has the labels that its vendor declares and that its traffic
/// showed: names differ from vendor to vendor. Empty without any.
std::vector<prometheus::MetricFamily> ProductFamilies(
    const std::vector<RowValue>& rows, const PodIdentity& pod);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_PRODUCT_FAMILIES_H_
