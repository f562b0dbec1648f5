// One metric family, summed up series by series.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

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
  void Add(std::initializer_list<std::string_view> label_values,
           std::uint64_t value);

  /// The series in the order of their label values; thousands of them in any
  /// order, since sorting takes longer than writing them. Prometheus's values
  /// are doubles: above 2^53 (9 petabytes) the last digits are rounded.
  /// Empties the builder: with many series, two copies would be felt.
  prometheus::MetricFamily Build();

 private:
  void AddLabels(std::string_view key, Labels& labels) const;

  const prometheus::MetricType type_;
  const std::string name_;
  const std::string help_;
  const std::vector<std::string> label_names_;
  const Labels constant_labels_;
  // By the label values, each behind its length: one piece of memory a series.
  absl::flat_hash_map<std::string, std::uint64_t> series_;
  std::string key_;  // made anew for each addition
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_FAMILY_BUILDER_H_
