#include "collector/exposition/family_builder.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace proxymeter::collector {
namespace {

using prometheus::MetricType;

std::string Text(FamilyBuilder& builder) {
  return prometheus::TextSerializer().Serialize({builder.Build()});
}

TEST(FamilyBuilder, SumsWhatFallsIntoOneSeries) {
  FamilyBuilder builder(MetricType::Counter, "x_total", "Help.", {"a", "b"},
                        {{"pod_name", "p"}});
  builder.Add({"2", "1"}, 5);
  builder.Add({"1", "1"}, 1);
  builder.Add({"2", "1"}, 6);
  EXPECT_EQ(Text(builder),
            "# HELP x_total Help.\n"
            "# TYPE x_total counter\n"
            "x_total{a=\"1\",b=\"1\",pod_name=\"p\"} 1\n"
            "x_total{a=\"2\",b=\"1\",pod_name=\"p\"} 11\n");
}

TEST(FamilyBuilder, WritesEveryDigitUpTo2To53) {
  for (const std::uint64_t value :
       {std::uint64_t{12345678901234}, std::uint64_t{1000000000000001},
        (std::uint64_t{1} << 53) - 1, std::uint64_t{1} << 53}) {
    FamilyBuilder builder(MetricType::Gauge, "x", "Help.", {"a"});
    builder.Add({"1"}, value);
    EXPECT_EQ(Text(builder), "# HELP x Help.\n# TYPE x gauge\nx{a=\"1\"} " +
                                 std::to_string(value) + "\n");
  }
}

TEST(FamilyBuilder, LabelValuesAreEscaped) {
  FamilyBuilder builder(MetricType::Gauge, "x", "Help.", {"a"});
  builder.Add({"q\"b\\n\n"}, 1);
  EXPECT_EQ(Text(builder),
            "# HELP x Help.\n# TYPE x gauge\nx{a=\"q\\\"b\\\\n\\n\"} 1\n");
}

}  // namespace
}  // namespace proxymeter::collector
