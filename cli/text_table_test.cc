#include "cli/text_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::ElementsAre;

const std::vector<Column> kColumns = {
    {"NAME", true}, {"HITS"}, {"EXTRA", false, 1}, {"RARE", false, 2}};

TEST(TextTable, AlignsTextLeftAndFiguresRight) {
  EXPECT_THAT(
      FormatTable(kColumns, {{"a", "1", "2", "3"}, {"long", "10000", "2", "3"}},
                  80),
      ElementsAre("NAME   HITS  EXTRA  RARE",  //
                  "a         1      2     3", "long  10000      2     3"));
}

TEST(TextTable, DropsTheMostDispensableFirst) {
  const std::vector<std::vector<std::string>> rows = {{"ab", "1", "2", "3"}};
  EXPECT_EQ(FormatTable(kColumns, rows, 23)[0], "NAME  HITS  EXTRA  RARE");
  EXPECT_EQ(FormatTable(kColumns, rows, 22)[0], "NAME  HITS  EXTRA");
  EXPECT_EQ(FormatTable(kColumns, rows, 16)[0], "NAME  HITS");
  EXPECT_EQ(FormatTable(kColumns, rows, 9)[0], "NAME");
}

TEST(TextTable, ShortensTextBeforeItDropsColumns) {
  const std::string name(40, 'x');
  const auto lines = FormatTable(kColumns, {{name, "1", "2", "3"}}, 45);
  EXPECT_EQ(lines[0].size(), 45u);
  EXPECT_EQ(lines[1], std::string(25, 'x') + "~     1      2     3");
}

TEST(TextTable, NeverCutsAFigure) {
  const std::vector<std::vector<std::string>> rows = {
      {"name", "18446744073709551615", "7", "7"}};
  for (size_t width = 0; width < 60; ++width) {
    for (const std::string& line : FormatTable(kColumns, rows, width)) {
      EXPECT_LE(line.size(), width);
      if (line.find("1844") != std::string::npos) {
        EXPECT_NE(line.find("18446744073709551615"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace proxymeter::cli
