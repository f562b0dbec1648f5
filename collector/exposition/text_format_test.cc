#include "collector/exposition/text_format.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace proxymeter::collector {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

TEST(TextFormat, IsTheSerializersOwn) {
  std::vector<MetricFamily> families;
  for (const MetricType type : {MetricType::Counter, MetricType::Gauge}) {
    MetricFamily family{"x_total", "Help \\ \"it\".", type, {}};
    for (const double value :
         {0.0, -0.0, 1.0, -1.0, 0.1, 1e-9, 1.0 / 3, 123456.789,
          999999999999999.0, 1e15, 1e15 + 1, 9007199254740992.0, 1e16, 1e17,
          1.5e300, 5e-324}) {
      auto& metric = family.metric.emplace_back();
      metric.counter.value = metric.gauge.value = value;
      metric.label = {{"a", ""}, {"b", "q\"u\\o\nte\\"}};
    }
    family.metric.emplace_back().counter.value = 7;
    family.metric.back().timestamp_ms = 1700000000123;
    families.push_back(family);
    families.push_back({"empty", "Help.", type, {}});
  }
  MetricFamily histogram{"h", "Help.", MetricType::Histogram, {}};
  histogram.metric.emplace_back().histogram.bucket = {{3, 0.1}, {4, 1}};
  families.push_back(histogram);
  families.push_back({"s", "Help.", MetricType::Summary, {{}}});
  EXPECT_EQ(ToText(families), prometheus::TextSerializer().Serialize(families));
}

}  // namespace
}  // namespace proxymeter::collector
