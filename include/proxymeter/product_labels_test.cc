#include "proxymeter/product_labels.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace proxymeter {
namespace {

TEST(ProductLabels, AreTakenApart) {
  ProductLabels labels;
  ASSERT_TRUE(labels.Parse("zone=dc-1,country=us"));
  ASSERT_EQ(labels.end() - labels.begin(), 2);
  EXPECT_EQ(labels.begin()[0].name, "zone");
  EXPECT_EQ(labels.begin()[0].value, "dc-1");
  EXPECT_EQ(labels.begin()[1].name, "country");
  EXPECT_EQ(labels.begin()[1].value, "us");
  ASSERT_TRUE(labels.Parse(""));
  EXPECT_EQ(labels.begin(), labels.end());
}

TEST(ProductLabels, RefuseWhatWouldBreakAMetric) {
  ProductLabels labels;
  for (const std::string& text :
       {std::string("zone"), std::string("zone="), std::string("=a"),
        std::string("zone=a,"), std::string(",zone=a"),
        std::string("zone=a,,country=b"), std::string("Zone=a"),
        std::string("zone=A"), std::string("zone=a b"), std::string("zone=\""),
        std::string("proxy_vendor=a"), std::string("pod_name=a"),
        std::string("session=a"), std::string("zone=a,zone=b"),
        std::string("a=1,b=2,c=3,d=4,e=5"), "zone=" + std::string(33, 'a'),
        std::string(25, 'z') + "=a"}) {
    EXPECT_FALSE(labels.Parse(text)) << text;
  }
}

}  // namespace
}  // namespace proxymeter
