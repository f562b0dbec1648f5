#include "collector/exposition/phase_family.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "collector/exposition/histogram.h"
#include "collector/exposition/pod_labels.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
prometheus::MetricFamily PhaseFamily(const std::vector<RowValue>& rows,
                                     const PodIdentity& pod) {
  prometheus::MetricFamily family{
      "proxymeter_phase_duration_seconds",
      "How long parts of an exchange took, as the crawler saw it: connect, "
      "tunnel (CONNECT or SOCKS), tls_handshake, first_byte (request sent "
      "until "
      "the response begins), request (until it ends).",
      prometheus::MetricType::Histogram,
      {}};
  std::map<std::pair<std::string, std::uint16_t>, Counters> sums;
  for (const RowValue& row : rows) {
    if (row.key.kind != RowKind::kPhase) continue;
    Counters& sum = sums[{row.key.vendor, row.key.code}];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row.counters[i];
  }
  for (const auto& [key, counters] : sums) {
    prometheus::ClientMetric metric;
    metric.label = {
        {"proxy_vendor", key.first},
        {"phase", std::string(Name(static_cast<Phase>(key.second)))}};
    for (auto& label : PodLabels(pod)) metric.label.push_back(std::move(label));
    metric.histogram = HistogramOf(counters);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace proxymeter::collector
