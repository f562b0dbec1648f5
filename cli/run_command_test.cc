#include "cli/run_command.h"

#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

class OwnArgumentsTest : public testing::Test {
 protected:
  size_t Own(const std::vector<std::string>& arguments) {
    return OwnArguments(*run_, arguments);
  }

  CLI::App app_;
  RunOptions options_;
  CLI::App* run_ = AddRunCommand(app_, &options_);
};

TEST_F(OwnArgumentsTest, EndAtTheFirstWord) {
  EXPECT_EQ(Own({"curl", "--dir", "x"}), 0u);
  EXPECT_EQ(Own({"--dir", "x", "curl", "-v"}), 2u);
  EXPECT_EQ(Own({"--dir=x", "curl", "-v"}), 1u);
  EXPECT_EQ(Own({"--vendor", "a", "--dir", "x", "curl"}), 4u);
}

TEST_F(OwnArgumentsTest, EndBehindTheMark) {
  EXPECT_EQ(Own({"--", "curl", "--", "x"}), 1u);
  EXPECT_EQ(Own({"--dir", "x", "--", "-odd-name"}), 3u);
  EXPECT_EQ(Own({"--dir", "--", "curl"}), 2u);
}

TEST_F(OwnArgumentsTest, FlagsTakeNoWord) {
  EXPECT_EQ(Own({"--help", "curl"}), 1u);
  EXPECT_EQ(Own({"--unknown", "curl"}), 1u);
  EXPECT_EQ(Own({}), 0u);
  EXPECT_EQ(Own({"--dir"}), 1u);
}

}  // namespace
}  // namespace proxymeter::cli
