#include "collector/exposition/product_families.h"

#include <string>
#include <utility>

#include "collector/exposition/pod_labels.h"
#include "collector/exposition/response_classes.h"
#include "proxymeter/product_labels.h"

namespace proxymeter::collector {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

std::vector<ClientMetric::Label> LabelsOf(const RowKey& key,
                                          const PodIdentity& pod) {
  std::vector<ClientMetric::Label> labels = {{"proxy_vendor", key.vendor}};
  ProductLabels products;
  products.Parse(key.destination);
  for (const auto& [name, value] : products) {
    labels.push_back({std::string(name), std::string(value)});
  }
  const auto of_pod = PodLabels(pod);
  labels.insert(labels.end(), of_pod.begin(), of_pod.end());
  return labels;
}

}  // namespace

std::vector<MetricFamily> ProductFamilies(const std::vector<RowValue>& rows,
                                          const PodIdentity& pod) {
  constexpr struct {
    TrafficCounter counter;
    const char* name;
    const char* help;
  } kSimple[] = {
      {kSentBytes, "proxymeter_product_sent_bytes_total",
       "Bytes sent to the vendor for the product that the user name asks for."},
      {kReceivedBytes, "proxymeter_product_received_bytes_total",
       "Bytes received from the vendor for that product."},
      {kRequests, "proxymeter_product_requests_total",
       "Requests sent through the vendor for that product."},
  };
  std::vector<MetricFamily> families;
  for (const auto& [counter, name, help] : kSimple) {
    families.push_back({name, help, prometheus::MetricType::Counter, {}});
  }
  families.push_back({"proxymeter_product_responses_total",
                      "Responses for that product, by class of their status.",
                      prometheus::MetricType::Counter,
                      {}});
  const auto add = [](MetricFamily& family,
                      std::vector<ClientMetric::Label> labels,
                      std::uint64_t value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    family.metric.push_back(std::move(metric));
  };
  for (const RowValue& row : rows) {
    if (row.key.kind != kProductRow) continue;
    const auto labels = LabelsOf(row.key, pod);
    for (std::size_t i = 0; i < std::size(kSimple); ++i) {
      add(families[i], labels, row.counters[kSimple[i].counter]);
    }
    for (const auto& [counter, name] : kResponseClasses) {
      if (row.counters[counter] == 0) continue;
      auto of_class = labels;
      of_class.push_back({"response_code_class", name});
      add(families.back(), std::move(of_class), row.counters[counter]);
    }
  }
  std::erase_if(families, [](const MetricFamily& family) {
    return family.metric.empty();
  });
  return families;
}

}  // namespace proxymeter::collector
