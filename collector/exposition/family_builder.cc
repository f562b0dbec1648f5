#include "collector/exposition/family_builder.h"

#include <utility>

namespace proxymeter::collector {

prometheus::MetricFamily Single(prometheus::MetricType type, std::string name,
                                std::string help, double value) {
  prometheus::MetricFamily family{std::move(name), std::move(help), type, {}};
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.counter.value = metric.gauge.value = value;
  return family;
}

FamilyBuilder::FamilyBuilder(prometheus::MetricType type, std::string name,
                             std::string help,
                             std::vector<std::string> label_names,
                             Labels constant_labels)
    : type_(type),
      name_(std::move(name)),
      help_(std::move(help)),
      label_names_(std::move(label_names)),
      constant_labels_(std::move(constant_labels)) {}

void FamilyBuilder::Add(std::vector<std::string> label_values,
                        std::uint64_t value) {
  series_[std::move(label_values)] += value;
}

prometheus::MetricFamily FamilyBuilder::Build() {
  prometheus::MetricFamily family;
  family.name = name_;
  family.help = help_;
  family.type = type_;
  family.metric.reserve(series_.size());
  while (!series_.empty()) {
    auto series = series_.extract(series_.begin());
    std::vector<std::string>& values = series.key();
    const auto value = static_cast<double>(series.mapped());
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label.reserve(values.size() + constant_labels_.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Prometheus does not tell an empty label from none.
      if (values[i].empty()) continue;
      metric.label.push_back({label_names_[i], std::move(values[i])});
    }
    metric.label.insert(metric.label.end(), constant_labels_.begin(),
                        constant_labels_.end());
    if (type_ == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  return family;
}

}  // namespace proxymeter::collector
