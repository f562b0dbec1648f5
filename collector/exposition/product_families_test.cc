#include "collector/exposition/product_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

using testing::HasSubstr;
using testing::Not;

RowValue Product(std::string vendor, std::string labels, std::uint64_t sent) {
  RowValue row = TrafficRow(vendor, "x", sent, 2 * sent, 1);
  row.key = {.kind = kProductRow,
             .vendor = std::move(vendor),
             .destination = std::move(labels)};
  row.counters[kResponses2xx] = 1;
  return row;
}

TEST(ProductFamilies, HaveTheLabelsOfEachVendor) {
  const std::string text = prometheus::TextSerializer().Serialize(
      ProductFamilies({Product("acme", "country=us,zone=dc", 10),
                       Product("bolt", "plan=gold", 20),
                       TrafficRow("acme", "a.example", 1, 2, 3)},
                      {.name = "p", .name_space = "n"}));
  EXPECT_THAT(text,
              HasSubstr("proxymeter_product_sent_bytes_total{proxy_vendor="
                        "\"acme\",country=\"us\",zone=\"dc\",pod_name=\"p\","
                        "pod_namespace=\"n\"} 10"));
  EXPECT_THAT(text,
              HasSubstr("proxymeter_product_received_bytes_total{proxy_vendor="
                        "\"bolt\",plan=\"gold\",pod_name=\"p\","
                        "pod_namespace=\"n\"} 40"));
  EXPECT_THAT(text, HasSubstr("response_code_class=\"2xx\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("a.example")));
}

TEST(ProductFamilies, AreAbsentWithoutProducts) {
  EXPECT_TRUE(
      ProductFamilies({TrafficRow("acme", "a.example", 1, 2, 3)}, {}).empty());
}

}  // namespace
}  // namespace proxymeter::collector
