#include "cli/suggestion.h"

#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

TEST(Suggestion, IsTheNearestWithinTwoMistakes) {
  const std::vector<std::string> names = {"run", "collector", "top"};
  EXPECT_EQ(Suggest("tpo", names), "top");
  EXPECT_EQ(Suggest("rum", names), "run");
  EXPECT_EQ(Suggest("colector", names), "collector");
  EXPECT_EQ(Suggest("collektors", names), "collector");
  EXPECT_EQ(Suggest("doctor", names), std::nullopt);
  EXPECT_EQ(Suggest("x", {}), std::nullopt);
}

}  // namespace
}  // namespace proxymeter::cli
