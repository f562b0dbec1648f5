// What crawlers did at each destination, as Prometheus's text.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_DESTINATION_TEXT_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_DESTINATION_TEXT_H_

#include <string>
#include <vector>

#include "collector/accounts/row.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// The families by vendor and destination: requests, responses, bytes sent and
/// received, of those among `rows` that are traffic, with the pod's labels
/// where they are known. Families without a series are left out.
///
/// These may be a hundred thousand series, and a model of each would take
/// longer to make than a scrape may: text, straight from the rows. Series are
/// in the order of their labels; thousands of them in any order, since sorting
/// takes longer than writing.
std::string DestinationText(const std::vector<RowValue>& rows,
                            const PodIdentity& pod);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_DESTINATION_TEXT_H_
