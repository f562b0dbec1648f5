#include "cli/human_units.h"

#include <limits>

#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

TEST(HumanBytes, KeepsThreeDigits) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(999.6), "1.00 kB");
  EXPECT_EQ(HumanBytes(1000), "1.00 kB");
  EXPECT_EQ(HumanBytes(1234), "1.23 kB");
  EXPECT_EQ(HumanBytes(9994), "9.99 kB");
  EXPECT_EQ(HumanBytes(9996), "10.0 kB");
  EXPECT_EQ(HumanBytes(99960), "100 kB");
  EXPECT_EQ(HumanBytes(999499), "999 kB");
  EXPECT_EQ(HumanBytes(999500), "1.00 MB");
  EXPECT_EQ(HumanBytes(18446744073709551615.0), "18.4 EB");
}

TEST(HumanRate, HasFewDecimals) {
  EXPECT_EQ(HumanRate(0), "0");
  EXPECT_EQ(HumanRate(0.254), "0.25");
  EXPECT_EQ(HumanRate(12.34), "12.3");
  EXPECT_EQ(HumanRate(99.96), "100");
  EXPECT_EQ(HumanRate(1234.4), "1234");
}

TEST(HumanSeconds, HasThreeDigitsAtMost) {
  EXPECT_EQ(HumanSeconds(0), "0.0ms");
  EXPECT_EQ(HumanSeconds(0.00075), "0.8ms");
  EXPECT_EQ(HumanSeconds(0.00994), "9.9ms");
  EXPECT_EQ(HumanSeconds(0.00996), "10ms");
  EXPECT_EQ(HumanSeconds(0.9994), "999ms");
  EXPECT_EQ(HumanSeconds(0.9996), "1.0s");
  EXPECT_EQ(HumanSeconds(9.94), "9.9s");
  EXPECT_EQ(HumanSeconds(9.96), "10s");
  EXPECT_EQ(HumanSeconds(60), "60s");
  EXPECT_EQ(HumanSeconds(std::numeric_limits<double>::infinity()), ">60s");
}

TEST(HumanDuration, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(HumanDuration(0), "0s");
  EXPECT_EQ(HumanDuration(303), "5m03s");
  EXPECT_EQ(HumanDuration(2 * 3600 + 7 * 60 + 59), "2h07m");
  EXPECT_EQ(HumanDuration(3 * 86400 + 4 * 3600), "3d04h");
}

TEST(UtcTime, IsRfc3339) {
  EXPECT_EQ(UtcTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(UtcTime(1709251199'999'999'999), "2024-02-29T23:59:59Z");
}

TEST(Printable, LetsNothingSteerTheTerminal) {
  EXPECT_EQ(Printable("example.com"), "example.com");
  EXPECT_EQ(Printable("\x1b[2Ja\tb\nc d\x7f\xc3\xa4"), "?[2Ja?b?c?d???");
}

}  // namespace
}  // namespace proxymeter::cli
