#include "collector/policy/grammar_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool AnyMatches(const std::vector<std::string>& grammars,
                std::string_view text) {
  return std::any_of(
      grammars.begin(), grammars.end(), [&](const std::string& grammar) {
        EXPECT_EQ(UserGrammar(grammar).Check(), UserGrammar::Error::kOk)
            << grammar;
        return UserGrammar(grammar).Match(text, nullptr);
      });
}

TEST(GrammarText, NamesItsValues) {
  EXPECT_THAT(GrammarValueNames("a-{one}\\{x}-{two}[-k-{one}]*"),
              ElementsAre("one", "two", "one"));
  EXPECT_THAT(GrammarValueNames("plain"), IsEmpty());
}

TEST(GrammarText, IsTheSameWhateverItsSpelling) {
  EXPECT_EQ(CanonicalGrammar("BRD-{customer}\\-x[-k-{v}]*"),
            CanonicalGrammar("brd-{c}-X[-K-{value}]*"));
  EXPECT_NE(CanonicalGrammar("a\\*"), CanonicalGrammar("a*"));
  EXPECT_NE(CanonicalGrammar("a-{x}"), CanonicalGrammar("b-{x}"));
  EXPECT_EQ(CanonicalGrammar("a\\\\b"), "a\\\\b");
}

TEST(GrammarText, AValueOfTheMandatoryPartBecomesItsLetters) {
  EXPECT_THAT(GrammarsWithValue("brd-{c}-zone-{zone}[-country-{country}]",
                                "zone", "res*1"),
              ElementsAre("brd-{c}-zone-res\\*1[-country-{country}]"));
  EXPECT_THAT(GrammarsWithValue("{user}[-k-{v}]*", "user", "me"),
              ElementsAre("me[-k-{v}]*"));
}

TEST(GrammarText, AnOptionalPartIsNeededWhereverItStands) {
  const std::vector<std::string> grammars = GrammarsWithValue(
      "user-{user}[-country-{country}][-session-{session}]", "country", "us");
  EXPECT_THAT(grammars,
              ElementsAre("user-{user}-country-us[-session-{session}]"));
  EXPECT_TRUE(AnyMatches(grammars, "user-me-country-us"));
  EXPECT_TRUE(AnyMatches(grammars, "user-me-country-US-session-1"));
  EXPECT_TRUE(AnyMatches(grammars, "user-me-session-1-country-us"));
  EXPECT_FALSE(AnyMatches(grammars, "user-me-country-usa"));
  EXPECT_FALSE(AnyMatches(grammars, "user-me-session-1"));
}

TEST(GrammarText, BehindLettersItTakesTwoGrammars) {
  const std::vector<std::string> grammars = GrammarsWithValue(
      "api[.country={country}][.render={render}]", "country", "us");
  EXPECT_THAT(grammars,
              ElementsAre("api.country=us[.render={render}]",
                          "api{before}.country=us[.render={render}]"));
  EXPECT_TRUE(AnyMatches(grammars, "api.country=us"));
  EXPECT_TRUE(AnyMatches(grammars, "api.country=us.render=true"));
  EXPECT_TRUE(AnyMatches(grammars, "api.render=true.country=us"));
  EXPECT_FALSE(AnyMatches(grammars, "api.render=true"));
}

TEST(GrammarText, EachPartThatNamesTheValueCounts) {
  const std::vector<std::string> grammars =
      GrammarsWithValue("[c={c}][&c={c}]", "c", "us");
  EXPECT_TRUE(AnyMatches(grammars, "c=us"));
  EXPECT_TRUE(AnyMatches(grammars, "x&c=us"));
  EXPECT_FALSE(AnyMatches(grammars, "c=de"));
}

TEST(GrammarText, WithoutThatValueThereIsNone) {
  EXPECT_THAT(GrammarsWithValue("a-{b}[-c-{d}]", "zone", "x"), IsEmpty());
}

}  // namespace
}  // namespace proxymeter::collector
