#include "shim/attribution/labels.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace proxymeter::shim {
namespace {

std::string Text(std::string_view names, std::string_view zone,
                 std::string_view country) {
  GrammarValues values;
  if (!zone.empty()) values.Add("zone", zone);
  if (!country.empty()) values.Add("country", country);
  values.Add("session", "never");
  return std::string(Labels(names, values).view());
}

TEST(Labels, StandInTheVendorsOrder) {
  EXPECT_EQ(Text("zone,country", "dc", "us"), "zone=dc,country=us");
  EXPECT_EQ(Text("country,zone", "dc", "us"), "country=us,zone=dc");
  EXPECT_EQ(Text("zone,country", "", "us"), "country=us");
  EXPECT_EQ(Text("zone", "dc", "us"), "zone=dc");
  EXPECT_EQ(Text("", "dc", "us"), "");
}

TEST(Labels, TakeOnlyWhatLooksLikeAName) {
  EXPECT_EQ(Text("zone", "My-Zone_1.a", ""), "zone=my-zone_1.a");
  EXPECT_EQ(Text("zone", "a=b", ""), "zone=_other");
  EXPECT_EQ(Text("zone", "a,b", ""), "zone=_other");
  EXPECT_EQ(Text("zone", "\x80", ""), "zone=_other");
  EXPECT_EQ(Text("zone", std::string(32, 'a'), ""),
            "zone=" + std::string(32, 'a'));
  EXPECT_EQ(Text("zone", std::string(33, 'a'), ""), "zone=_other");
}

TEST(Labels, NeverShowWhatMayBeASession) {
  for (const char* value :
       {"dc-session-1", "dc-sessid-x", "dc_SESS_1", "dc-sid-7", "dc.sid1"}) {
    EXPECT_EQ(Text("zone", value, ""), "zone=_other") << value;
  }
  EXPECT_EQ(Text("zone", "residential-1", ""), "zone=residential-1");
}

TEST(LabelSets, FoldWhatComesBeyondTheirBound) {
  LabelSets sets;
  const auto labels = [](std::size_t i) {
    GrammarValues values;
    const std::string zone = std::to_string(i);
    values.Add("zone", zone);
    return Labels("zone", values);
  };
  for (std::size_t i = 0; i < LabelSets::kMost; ++i) {
    EXPECT_EQ(sets.Admit(labels(i)), labels(i));
  }
  EXPECT_EQ(sets.Admit(labels(LabelSets::kMost)).view(), "zone=_other");
  EXPECT_EQ(sets.Admit(labels(7)), labels(7));
  EXPECT_EQ(sets.Admit(Labels()), Labels());
}

}  // namespace
}  // namespace proxymeter::shim
