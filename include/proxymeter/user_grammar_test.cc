#include "proxymeter/user_grammar.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace proxymeter {
namespace {

constexpr std::string_view kBrightData =
    "brd-customer-{customer}-zone-{zone}[-country-{country}][-city-{city}]"
    "[-session-{session}][-sessionduration-{minutes}]";

struct Values {
  bool matched;
  std::string zone;
  std::string country;
  std::string session;

  friend bool operator==(const Values&, const Values&) = default;
};

Values Read(std::string_view grammar, std::string_view user) {
  GrammarValues values;
  if (!UserGrammar(grammar).Match(user, &values)) return {};
  return {true, std::string(values.Find("zone")),
          std::string(values.Find("country")),
          std::string(values.Find("session"))};
}

TEST(UserGrammar, ReadsValuesUpToTheNextKeyItKnows) {
  EXPECT_EQ(Read(kBrightData, "brd-customer-hl_1a-zone-dc"),
            (Values{true, "dc", "", ""}));
  EXPECT_EQ(Read(kBrightData, "brd-customer-a-b-zone-my-zone-1-country-us"),
            (Values{true, "my-zone-1", "us", ""}));
}

TEST(UserGrammar, TakesOptionalPartsInAnyOrderOnceEach) {
  EXPECT_EQ(Read(kBrightData,
                 "brd-customer-c-zone-z-session-a-1-country-de-city-bonn"),
            (Values{true, "z", "de", "a-1"}));
  // A second one of a kind belongs to the value before it.
  EXPECT_EQ(Read(kBrightData, "brd-customer-c-zone-z-country-de-country-us"),
            (Values{true, "z", "de-country-us", ""}));
}

TEST(UserGrammar, PrefersTheLongerKey) {
  EXPECT_EQ(Read("{u}[-s-{session}][-s-x-{country}]", "me-s-x-de"),
            (Values{true, "", "de", ""}));
}

TEST(UserGrammar, ComparesLiteralTextWithoutRegardToCase) {
  EXPECT_EQ(Read(kBrightData, "BRD-Customer-c-ZONE-Dc"),
            (Values{true, "Dc", "", ""}));
}

TEST(UserGrammar, WantsAllOfTheTextAndNoEmptyValue) {
  for (const std::string_view user :
       {"", "brd", "brd-customer-", "brd-customer--zone-", "brd-customer-c",
        "brd-customer-c-zone-", "xbrd-customer-c-zone-z",
        "brd-customer-c-zone-z-country-"}) {
    EXPECT_FALSE(Read(kBrightData, user).matched) << user;
  }
  EXPECT_TRUE(UserGrammar("").Match("", nullptr));
  EXPECT_FALSE(UserGrammar("").Match("a", nullptr));
}

TEST(UserGrammar, StarIsWhateverFollows) {
  EXPECT_TRUE(UserGrammar("brd-*").Match("brd-", nullptr));
  EXPECT_TRUE(UserGrammar("brd-*").Match("brd-x-y", nullptr));
  EXPECT_FALSE(UserGrammar("brd-*").Match("br", nullptr));
  EXPECT_TRUE(UserGrammar("*").Match("", nullptr));
  EXPECT_TRUE(UserGrammar("a[-b-{c}]*").Match("a-b-1", nullptr));
  EXPECT_TRUE(UserGrammar("a[-b-{c}]*").Match("a+z", nullptr));
}

TEST(UserGrammar, BackslashMakesAnythingLiteral) {
  EXPECT_TRUE(UserGrammar("a\\*\\[\\{").Match("a*[{", nullptr));
  EXPECT_EQ(UserGrammar("a\\*\\[\\{").literals(), 4u);
}

TEST(UserGrammar, SaysWhatIsWrong) {
  using Error = UserGrammar::Error;
  const struct {
    std::string text;
    Error error;
  } kCases[] = {
      {std::string(kBrightData), Error::kOk},
      {"", Error::kOk},
      {"*", Error::kOk},
      {"a[-b-{c}]*", Error::kOk},
      {std::string(513, 'a'), Error::kTooLong},
      {"a{b", Error::kUnclosed},
      {"a[b", Error::kUnclosed},
      {"a\\", Error::kUnclosed},
      {"a}", Error::kUnopened},
      {"a]", Error::kUnopened},
      {"{}", Error::kBadName},
      {"{A}", Error::kBadName},
      {"{a-b}", Error::kBadName},
      {"[a[b]]", Error::kNested},
      {"[[a]]", Error::kNested},
      {"[{a}]", Error::kNoLiteral},
      {"[]", Error::kNoLiteral},
      {"{a}{b}", Error::kAdjacent},
      {"[a]b", Error::kAfterOptional},
      {"[a]{b}", Error::kAfterOptional},
      {"*a", Error::kStarNotAtTheEnd},
      {"**", Error::kStarNotAtTheEnd},
      {"[a*]", Error::kStarNotAtTheEnd},
  };
  for (const auto& each : kCases) {
    EXPECT_EQ(UserGrammar(each.text).Check(), each.error)
        << each.text << ": " << Describe(UserGrammar(each.text).Check());
  }
  std::string many;
  for (int i = 0; i < 25; ++i) many += "[a]";
  EXPECT_EQ(UserGrammar(many).Check(), Error::kTooManyParts);
}

// What a crawler maps may be anything: it must end, and stay inside.
TEST(UserGrammar, EndsWhateverTheGrammar) {
  std::mt19937 random(1);
  constexpr std::string_view kPieces = "ab-{}[]*\\";
  for (int i = 0; i < 200000; ++i) {
    std::string grammar;
    std::string text;
    for (unsigned n = random() % 12; n > 0; --n) {
      grammar += kPieces[random() % kPieces.size()];
    }
    for (unsigned n = random() % 8; n > 0; --n) {
      text += kPieces[random() % 3];
    }
    GrammarValues values;
    const bool matched = UserGrammar(grammar).Match(text, &values);
    const std::string_view value = values.Find("a");
    if (matched && !value.empty()) {
      EXPECT_NE(text.find(value), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace proxymeter
