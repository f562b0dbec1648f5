#include "collector/exposition/cost_families.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>

namespace proxymeter::collector {
namespace {

constexpr CostUnits kCent = CostUnits{kUnitsPerBillionth} * 10'000'000;

TEST(CostFamilies, AreOfVendorsAndOfDestinations) {
  const std::string text = prometheus::TextSerializer().Serialize(
      CostFamilies({{{"acme", "", "EUR"}, 5 * kCent},
                    {{"acme", "", "USD"}, 840 * kCent},
                    {{"acme", "a.example", "USD"}, 123'456'789 * kCent},
                    {{"acme", "b.example", "USD"}, 0}},
                   {.name = "p", .name_space = "n"}));
  EXPECT_EQ(
      text,
      "# HELP proxymeter_cost_total All that the vendor's traffic ever cost, "
      "by the prices that held when it was counted, in the currency's unit.\n"
      "# TYPE proxymeter_cost_total counter\n"
      "proxymeter_cost_total{proxy_vendor=\"acme\",currency=\"EUR\",pod_name="
      "\"p\",pod_namespace=\"n\"} 0.05\n"
      "proxymeter_cost_total{proxy_vendor=\"acme\",currency=\"USD\",pod_name="
      "\"p\",pod_namespace=\"n\"} 8.4\n"
      "# HELP proxymeter_destination_cost_total What the traffic to a "
      "destination cost, of vendors that bill bytes as they are on the wire.\n"
      "# TYPE proxymeter_destination_cost_total counter\n"
      "proxymeter_destination_cost_total{proxy_vendor=\"acme\","
      "destination_host=\"a.example\",currency=\"USD\",pod_name=\"p\","
      "pod_namespace=\"n\"} 1234567.89\n"
      "proxymeter_destination_cost_total{proxy_vendor=\"acme\","
      "destination_host=\"b.example\",currency=\"USD\",pod_name=\"p\","
      "pod_namespace=\"n\"} 0\n");
}

TEST(CostFamilies, AreLeftOutWithoutPrices) {
  EXPECT_TRUE(CostFamilies({}, {}).empty());
}

}  // namespace
}  // namespace proxymeter::collector
