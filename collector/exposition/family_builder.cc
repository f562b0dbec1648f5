#include "collector/exposition/family_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace proxymeter::collector {
namespace {

constexpr std::size_t kSorted = 1000;

}  // namespace

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

void FamilyBuilder::Add(std::initializer_list<std::string_view> label_values,
                        std::uint64_t value) {
  key_.clear();
  for (const std::string_view label : label_values) {
    const std::size_t size = label.size();
    key_.append(reinterpret_cast<const char*>(&size), sizeof size);
    key_.append(label);
  }
  series_.try_emplace(key_, 0).first->second += value;
}

// Prometheus does not tell an empty label from none.
void FamilyBuilder::AddLabels(std::string_view key, Labels& labels) const {
  labels.reserve(label_names_.size() + constant_labels_.size());
  for (const std::string& name : label_names_) {
    std::size_t size;
    std::memcpy(&size, key.data(), sizeof size);
    const std::string_view value = key.substr(sizeof size, size);
    key.remove_prefix(sizeof size + size);
    if (!value.empty()) labels.push_back({name, std::string(value)});
  }
  labels.insert(labels.end(), constant_labels_.begin(), constant_labels_.end());
}

prometheus::MetricFamily FamilyBuilder::Build() {
  prometheus::MetricFamily family{name_, help_, type_, {}};
  family.metric.reserve(series_.size());
  for (const auto& [key, value] : series_) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    AddLabels(key, metric.label);
    metric.counter.value = metric.gauge.value = static_cast<double>(value);
  }
  series_.clear();
  if (family.metric.size() <= kSorted) {
    std::sort(
        family.metric.begin(), family.metric.end(),
        [](const prometheus::ClientMetric& a,
           const prometheus::ClientMetric& b) { return a.label < b.label; });
  }
  return family;
}

}  // namespace proxymeter::collector
