#include "proxymeter/vendor_name.h"

#include <gtest/gtest.h>

#include <string>

namespace proxymeter {
namespace {

TEST(VendorName, LowerCaseLettersDigitsAndPunctuation) {
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
}  // namespace proxymeter
