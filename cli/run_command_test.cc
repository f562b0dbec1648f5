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

TEST(VendorName, IsAsInTheConfiguration) {
  EXPECT_TRUE(IsVendorName("acme"));
  EXPECT_TRUE(IsVendorName("4.you_and-me"));
  EXPECT_TRUE(IsVendorName(std::string(63, 'a')));
  EXPECT_FALSE(IsVendorName(std::string(64, 'a')));
  EXPECT_FALSE(IsVendorName(""));
  EXPECT_FALSE(IsVendorName("direct"));
  EXPECT_FALSE(IsVendorName("_acme"));
  EXPECT_FALSE(IsVendorName("-acme"));
  EXPECT_FALSE(IsVendorName("Acme"));
  EXPECT_FALSE(IsVendorName("ac me"));
  EXPECT_FALSE(IsVendorName("acm\xc3\xa9"));
}

}  // namespace
}  // namespace proxymeter::cli
