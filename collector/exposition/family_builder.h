// One metric family, summed up series by series.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace proxymeter::collector {

/// A family of one series, without labels.
prometheus::MetricFamily Single(prometheus::MetricType type, std::string name,
                                std::string help, double value);

/// Several rows may fall into one series: their values are added, so that no
/// series is exposed twice.
class FamilyBuilder {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  FamilyBuilder(prometheus::MetricType type, std::string name, std::string help,
                std::vector<std::string> label_names,
                Labels constant_labels = {});

  /// `label_values` in the order of the names. Adding 0 makes the series
  /// appear.
  void Add(std::vector<std::string> label_values, std::uint64_t value);

  /// The series in the order of their label values. Prometheus's values are
  /// doubles: above 2^53 (9 petabytes) the last digits are rounded.
  /// Empties the builder: with many series, two copies would be felt.
  prometheus::MetricFamily Build();

 private:
  const prometheus::MetricType type_;
  const std::string name_;
  const std::string help_;
  const std::vector<std::string> label_names_;
  const Labels constant_labels_;
  std::map<std::vector<std::string>, std::uint64_t> series_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_
