#include "cli/top_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

View ManyRows(int vendors, int destinations) {
  auto before = SnapshotAt(60);
  auto now = SnapshotAt(61);
  now.set_pod_name("crawler-7");
  now.set_pod_namespace("prod");
  for (int vendor = 0; vendor < vendors; ++vendor) {
    for (int i = 0; i < destinations; ++i) {
      AddTraffic(now, absl::StrCat("vendor", vendor),
                 absl::StrCat("host-with-a-long-name-", i, ".example.com"),
                 1000000 + i, 123456789, 987654321000);
    }
  }
  return MakeView(now, &before, {});
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  return lines;
}

TEST(TopTable, ShowsEverythingOnAWideScreen) {
  const std::string text =
      FormatScreen(ManyRows(2, 2), {.width = 250, .height = 50});
  EXPECT_THAT(text, AllOf(HasSubstr("prod/crawler-7  2 sessions  counting for "
                                    "1m01s, since 2024-01-01T00:00:00Z"),
                          HasSubstr("host-with-a-long-name-1.example.com"),
                          HasSubstr("https/1.1"), HasSubstr("plaintext"),
                          HasSubstr("123 MB"), HasSubstr("988 GB"),
                          HasSubstr("UNASSIGNED"), HasSubstr("5XX")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("more rows")), Not(HasSubstr("\x1b"))));
}

v1::SnapshotResponse WithQuality(int vendors) {
  auto now = SnapshotAt(61);
  for (int i = 0; i < vendors; ++i) {
    const std::string vendor = absl::StrCat("vendor", i);
    AddTraffic(now, vendor, "a.test", 1, 2, 3);
    if (i == 1) continue;  // nothing else is known of it
    AddPhase(now, vendor, "connect", {0, 20});
    AddPhase(now, vendor, "first_byte", {0, 0, 0, 0, 0, 0, 0, 0, 98, 2});
    AddPhase(now, vendor, "request",
             {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5});
    AddError(now, vendor, "rate_limited", 40);
    AddError(now, vendor, "dns", 7);
    AddTls(now, vendor, "1.3", "h2", v1::VISIBILITY_INFERRED, 31);
    AddGrpc(now, vendor, "OK", 12);
    AddGrpc(now, vendor, "INTERNAL", 5);
  }
  return now;
}

TEST(TopTable, TellsHowWellEachVendorDoes) {
  const auto lines = Lines(FormatScreen(MakeView(WithQuality(3), nullptr, {}),
                                        {.width = 160, .height = 50}));
  const auto at = [&lines](const std::string& begin) {
    return std::find_if(lines.begin(), lines.end(), [&](const auto& line) {
      return line.starts_with(begin);
    });
  };
  const auto head = at("VENDOR, 50%/95%");
  ASSERT_NE(head, lines.end());
  EXPECT_THAT(head[1],
              AllOf(HasSubstr("1.8ms/2.4ms"), HasSubstr("177ms/245ms"),
                    HasSubstr(">60s/>60s"), HasSubstr("47  rate_limited"),
                    testing::EndsWith("31      31    17         5")));
  EXPECT_THAT(head[2], testing::StartsWith("vendor2 "));
  EXPECT_EQ(head[3], "");
}

TEST(TopTable, WithoutSuchFiguresThereIsNoSuchTable) {
  EXPECT_THAT(
      FormatScreen(ManyRows(2, 2), {.width = 160, .height = 50}),
      Not(testing::AnyOf(HasSubstr("1ST BYTE"), HasSubstr("NOT COVERED"))));
}

v1::SnapshotResponse PartlyCovered(int vendors) {
  auto now = WithQuality(vendors);
  for (int i = 0; i < vendors; ++i) {
    const std::string vendor = absl::StrCat("vendor", i);
    AddKernel(now, vendor, 10'000, 10'000, 9'999, 9'999);
    AddUnmetered(now, vendor, "not_read", 0, 1, 0);
    AddUnmetered(now, vendor, "not_preloaded", 1, 0, 17);
  }
  return now;
}

TEST(TopTable, TellsWhatIsCoveredAndWhatIsNot) {
  auto now = PartlyCovered(1);
  AddTraffic(now, "vendor9", "a.test", 1, 2, 3);
  AddKernel(now, "whole", 10'000, 70'000, 10'000, 70'000);
  const auto lines = Lines(
      FormatScreen(MakeView(now, nullptr, {.sort = SortKey::kVendor}), {}));
  EXPECT_THAT(lines[2], HasSubstr("  COVERED"));
  EXPECT_THAT(lines[3],
              AllOf(testing::StartsWith("vendor0 "), HasSubstr("    99.9%")));
  EXPECT_THAT(lines[4],
              AllOf(testing::StartsWith("vendor9 "), HasSubstr("        -")));
  EXPECT_THAT(lines[5],
              AllOf(testing::StartsWith("whole "), HasSubstr("     100%")));
  EXPECT_THAT(lines[6],
              AllOf(testing::StartsWith("total "), HasSubstr("    99.9%")));
  const auto head = std::find_if(
      lines.begin(), lines.end(),
      [](const auto& line) { return line.starts_with("NOT COVERED  WHY "); });
  ASSERT_NE(head, lines.end());
  EXPECT_EQ(head[1], "vendor0      not_preloaded   1 B       0 B           17");
  EXPECT_EQ(head[2], "vendor0      not_read        0 B       1 B            0");
  EXPECT_EQ(head[3], "");
}

TEST(TopTable, CountsTheReasonsItHasNoRoomFor) {
  const auto lines = Lines(FormatScreen(MakeView(PartlyCovered(4), nullptr, {}),
                                        {.width = 80, .height = 40}));
  EXPECT_THAT(lines, testing::Contains("... 3 more that are not covered"));
}

TEST(TopTable, OnEightyColumnsTimesAndErrorsStay) {
  const std::string text =
      FormatScreen(MakeView(WithQuality(1), nullptr, {}), {});
  EXPECT_THAT(text, AllOf(HasSubstr("CONNECT"), HasSubstr("1ST BYTE"),
                          HasSubstr("ERRORS"), HasSubstr("a.test")));
}

TEST(TopTable, FitsEveryScreenWithAllTables) {
  const View view = MakeView(PartlyCovered(9), nullptr, {});
  for (size_t width = 1; width < 200; width += 3) {
    for (size_t height = 2; height < 90; height += 5) {
      const auto lines =
          Lines(FormatScreen(view, {.width = width, .height = height}));
      EXPECT_LT(lines.size(), height);
      for (const std::string& line : lines) EXPECT_LE(line.size(), width);
    }
  }
}

TEST(TopTable, FitsEveryScreen) {
  const View view = ManyRows(7, 9);
  for (size_t width = 1; width < 200; width += 3) {
    for (size_t height = 2; height < 90; height += 5) {
      const auto lines =
          Lines(FormatScreen(view, {.width = width, .height = height}));
      EXPECT_LT(lines.size(), height);
      for (const std::string& line : lines) EXPECT_LE(line.size(), width);
    }
  }
}

TEST(TopTable, KeepsRequestsAndBytesAtEightyColumns) {
  const std::string text = FormatScreen(ManyRows(1, 3), {});
  const auto lines = Lines(text);
  EXPECT_THAT(text,
              AllOf(HasSubstr("VENDOR"), HasSubstr("DESTINATION"),
                    HasSubstr("REQUESTS"), HasSubstr("SENT"),
                    HasSubstr("RECEIVED"), HasSubstr("host-with-a-long")));
  EXPECT_THAT(text, Not(HasSubstr("SEEN")));
}

TEST(TopTable, CountsTheRowsItHasNoRoomFor) {
  const View view = ManyRows(1, 40);
  const auto lines = Lines(FormatScreen(view, {.width = 120, .height = 20}));
  size_t shown = 0;
  for (const std::string& line : lines) {
    if (line.find("host-with") != std::string::npos) ++shown;
  }
  EXPECT_GT(shown, 5u);
  EXPECT_EQ(lines.back(), absl::StrCat("... ", 40 - shown, " more rows"));
}

TEST(TopTable, CountsTheRowsBeyondTheLimitToo) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "a", "x", 1, 10, 20);
  AddTraffic(now, "a", "y", 2, 10, 20);
  const View view = MakeView(now, nullptr, {.limit = 1});
  EXPECT_THAT(FormatScreen(view, {}), HasSubstr("... 1 more rows"));
}

TEST(TopTable, TheTotalIsOfAllVendorsEvenOfHiddenOnes) {
  const auto lines =
      Lines(FormatScreen(ManyRows(10, 1), {.width = 120, .height = 15}));
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("total")));
  EXPECT_THAT(lines, testing::Contains("... 5 more vendors"));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("10000000")));
}

TEST(TopTable, SaysWhatToDoWhenThereIsNothing) {
  EXPECT_THAT(FormatScreen(MakeView(SnapshotAt(1), nullptr, {}), {}),
              HasSubstr("proxymeter run -- COMMAND"));
}

TEST(TopTable, ColourChangesNoWidth) {
  const View view = ManyRows(2, 2);
  std::string coloured = FormatScreen(view, {.width = 100, .colour = true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[1m"));
  for (const std::string code : {"\x1b[1m", "\x1b[0m"}) {
    for (size_t at; (at = coloured.find(code)) != std::string::npos;) {
      coloured.erase(at, code.size());
    }
  }
  EXPECT_EQ(coloured, FormatScreen(view, {.width = 100}));
}

TEST(TopTable, NamesCannotSteerTheTerminal) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "a\x1b[2J", "b\nc", 1, 2, 3);
  EXPECT_THAT(FormatScreen(MakeView(now, nullptr, {}), {}),
              AllOf(Not(HasSubstr("\x1b")), HasSubstr("b?c")));
}

}  // namespace
}  // namespace proxymeter::cli
