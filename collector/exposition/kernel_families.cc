#include "collector/exposition/kernel_families.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "collector/exposition/family_builder.h"
#include "collector/exposition/histogram.h"
#include "collector/exposition/pod_labels.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  explicit Families(const PodIdentity& pod) : labels_(PodLabels(pod)) {}

  void Add(const RowValue& row) {
    if (row.key.kind == kKernelRow) {
      AddKernel(row);
    } else if (row.key.kind == kUnmeteredRow) {
      AddUnmetered(row);
    } else if (row.key.kind == kKernelRttRow) {
      Counters& sum = round_trips_[row.key.vendor];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row.counters[i];
    }
  }

  std::vector<MetricFamily> Build() {
    std::vector<MetricFamily> families;
    for (FamilyBuilder* builder :
         {&sent_, &received_, &connections_, &retransmitted_, &unsent_,
          &unmetered_, &unmetered_connections_}) {
      families.push_back(builder->Build());
    }
    families.push_back(Ratio("proxymeter_coverage_ratio",
                             "Part of the bytes that the kernel moved to and "
                             "from the vendor which crawlers reported, since "
                             "the accounts began.",
                             coverage_));
    families.push_back(Ratio("proxymeter_kernel_retransmit_ratio",
                             "Bytes that the kernel sent again to the vendor, "
                             "for each that it sent, since the accounts began.",
                             retransmit_));
    families.push_back(RoundTrips());
    std::erase_if(families, [](const MetricFamily& family) {
      return family.metric.empty();
    });
    return families;
  }

 private:
  struct Fraction {
    std::uint64_t part = 0;
    std::uint64_t whole = 0;
  };
  using Fractions = std::map<std::string, Fraction>;  // by vendor

  void AddKernel(const RowValue& row) {
    const std::string& vendor = row.key.vendor;
    const Counters& counters = row.counters;
    sent_.Add({vendor}, counters[kKernelSentBytes]);
    received_.Add({vendor}, counters[kKernelReceivedBytes]);
    connections_.Add({vendor, "ok"}, counters[kKernelConnectionsOk]);
    connections_.Add({vendor, "failed"}, counters[kKernelConnectionsFailed]);
    retransmitted_.Add({vendor}, counters[kKernelRetransmittedBytes]);
    unsent_.Add({vendor}, counters[kUnsentBytes]);
    // Alerts want zeros too.
    unmetered_connections_.Add({vendor}, 0);
    for (std::uint8_t i = 0; i <= kLastUnmeteredReason; ++i) {
      const std::string reason(Name(static_cast<UnmeteredReason>(i)));
      unmetered_.Add({vendor, reason, "sent"}, 0);
      unmetered_.Add({vendor, reason, "received"}, 0);
    }
    Fraction& coverage = coverage_[vendor];
    coverage.part +=
        counters[kCoveredSentBytes] + counters[kCoveredReceivedBytes];
    coverage.whole +=
        counters[kKernelSentBytes] + counters[kKernelReceivedBytes];
    Fraction& retransmit = retransmit_[vendor];
    retransmit.part += counters[kKernelRetransmittedBytes];
    retransmit.whole += counters[kKernelSentBytes];
  }

  void AddUnmetered(const RowValue& row) {
    const std::string& vendor = row.key.vendor;
    const std::string reason(Name(static_cast<UnmeteredReason>(row.key.code)));
    unmetered_.Add({vendor, reason, "sent"}, row.counters[kUnmeteredSentBytes]);
    unmetered_.Add({vendor, reason, "received"},
                   row.counters[kUnmeteredReceivedBytes]);
    unmetered_connections_.Add({vendor}, row.counters[kUnmeteredConnections]);
  }

  prometheus::ClientMetric Metric(const std::string& vendor) const {
    prometheus::ClientMetric metric;
    metric.label = {{"proxy_vendor", vendor}};
    metric.label.insert(metric.label.end(), labels_.begin(), labels_.end());
    return metric;
  }

  MetricFamily Ratio(std::string name, std::string help,
                     const Fractions& fractions) const {
    MetricFamily family{
        std::move(name), std::move(help), MetricType::Gauge, {}};
    for (const auto& [vendor, fraction] : fractions) {
      // Of nothing there is no part.
      if (fraction.whole == 0) continue;
      prometheus::ClientMetric metric = Metric(vendor);
      metric.gauge.value = static_cast<double>(fraction.part) /
                           static_cast<double>(fraction.whole);
      family.metric.push_back(std::move(metric));
    }
    return family;
  }

  MetricFamily RoundTrips() const {
    MetricFamily family{
        "proxymeter_kernel_rtt_seconds",
        "Smoothed round-trip time to the vendor's proxy at the end of each "
        "connection, of whatever program.",
        MetricType::Histogram,
        {}};
    for (const auto& [vendor, counters] : round_trips_) {
      prometheus::ClientMetric metric = Metric(vendor);
      metric.histogram = HistogramOf(counters);
      family.metric.push_back(std::move(metric));
    }
    return family;
  }

  const FamilyBuilder::Labels labels_;
  FamilyBuilder sent_{MetricType::Counter,
                      "proxymeter_kernel_sent_bytes_total",
                      "Bytes of payload sent to the vendor by the kernel's own "
                      "count, of whatever program.",
                      {"proxy_vendor"},
                      labels_};
  FamilyBuilder received_{MetricType::Counter,
                          "proxymeter_kernel_received_bytes_total",
                          "Bytes of payload received from the vendor by the "
                          "kernel's own count, of whatever program.",
                          {"proxy_vendor"},
                          labels_};
  FamilyBuilder connections_{
      MetricType::Counter,
      "proxymeter_kernel_connections_total",
      "Attempts to connect to the vendor that the kernel made, of whatever "
      "program, by whether it was answered.",
      {"proxy_vendor", "result"},
      labels_};
  FamilyBuilder retransmitted_{
      MetricType::Counter,
      "proxymeter_kernel_retransmitted_bytes_total",
      "Bytes that the kernel sent to the vendor once more, of whatever "
      "program; in no other metric of bytes.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder unsent_{
      MetricType::Counter,
      "proxymeter_unsent_bytes_total",
      "Part of the bytes reported as sent that never left: the connection "
      "broke while they were in the kernel's buffer.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder unmetered_{
      MetricType::Counter,
      "proxymeter_unmetered_bytes_total",
      "Part of the kernel's bytes that no crawler reported, by why not; they "
      "are metered by the kernel's word, as visibility=\"kernel\".",
      {"proxy_vendor", "reason", "direction"},
      labels_};
  FamilyBuilder unmetered_connections_{
      MetricType::Counter,
      "proxymeter_unmetered_connections_total",
      "Connections to the vendor that no crawler reported.",
      {"proxy_vendor"},
      labels_};
  Fractions coverage_;
  Fractions retransmit_;
  std::map<std::string, Counters> round_trips_;  // by vendor
};

}  // namespace

std::vector<MetricFamily> KernelFamilies(const std::vector<RowValue>& rows,
                                         const PodIdentity& pod) {
  Families families(pod);
  for (const RowValue& row : rows) families.Add(row);
  return families.Build();
}

std::vector<MetricFamily> AuditFamilies(const AuditHealth& health) {
  FamilyBuilder gaps(
      MetricType::Counter, "proxymeter_audit_gaps_total",
      "What the comparison with the kernel knows that it does not know, by "
      "kind; README says what each is.",
      {"reason"});
  for (std::size_t i = 0; i < kAuditGaps; ++i) {
    gaps.Add({Name(static_cast<AuditGap>(i))}, health.gaps[i]);
  }
  FamilyBuilder dumps(MetricType::Counter, "proxymeter_audit_dumps_total",
                      "Times that the kernel was asked for all open sockets.",
                      {"result"});
  dumps.Add({"ok"}, health.dumps);
  dumps.Add({"failed"}, health.failed_dumps);
  return {Single(MetricType::Gauge, "proxymeter_audit_running",
                 "1 when what crawlers report is compared with the kernel's "
                 "own counts.",
                 health.running),
          Single(MetricType::Counter, "proxymeter_audit_sockets_total",
                 "TCP sockets of which the kernel told the last.", health.ends),
          Single(MetricType::Gauge, "proxymeter_audit_connections",
                 "Connections followed now.", health.connections),
          gaps.Build(), dumps.Build()};
}

}  // namespace proxymeter::collector
