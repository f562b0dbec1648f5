#include "cli/explanation.h"

#include <span>

#include "collector/policy/policy_compiler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using collector::MatchRule;
using collector::Shown;
using collector::Vendor;
using collector::VendorConfig;

VendorConfig Users() {
  MatchRule any;
  any.hosts = {{"gw.acme.test", false}};
  any.line = 1;
  MatchRule short_user = any;
  short_user.user = "u-*";
  short_user.line = 2;
  MatchRule long_user = any;
  long_user.user = "u-dc-*";
  long_user.line = 3;
  MatchRule user_alone;
  user_alone.user = "u-{id}";
  user_alone.line = 4;
  Vendor acme;
  acme.name = "acme";
  acme.match = {any, short_user, long_user, user_alone};
  acme.user_names = {"u-{zone}-{customer}[-country-{country}]"};
  acme.labels = {"zone", "country"};
  VendorConfig config;
  config.file_name = "v";
  config.vendors = {acme};
  return config;
}

TEST(Explanation, UserNamesGoFirstAndTheMoreTellingOneAmongThem) {
  const VendorConfig config = Users();
  const std::vector<std::byte> policy = *CompilePolicy(config);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  const Shown shown = {.endpoint = {.port = 80},
                       .hosts = {"gw.acme.test"},
                       .user = "u-dc-me-country-de"};
  const Explanation explanation = Explain(config, view, shown);
  EXPECT_EQ(explanation.mismatch, "");
  EXPECT_EQ(explanation.winner.text, "vendors[0].match[2] (v:3)");
  EXPECT_EQ(explanation.winner.why, "host gw.acme.test, user u-dc-*");
  ASSERT_EQ(explanation.lost.size(), 3u);
  EXPECT_EQ(explanation.lost[0].why,
            "more literal characters of the user name win: 5 over 2");
  EXPECT_EQ(explanation.lost[1].why,
            "an exact host goes before a user name alone");
  EXPECT_EQ(explanation.lost[2].why,
            "a rule with a user condition goes before those without");
  EXPECT_THAT(explanation.labels,
              testing::ElementsAre(testing::Pair("zone", "dc"),
                                   testing::Pair("country", "de")));
}

TEST(Explanation, AUserNameThatIsNotThereIsSaid) {
  const VendorConfig config = Users();
  const std::vector<std::byte> policy = *CompilePolicy(config);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  Shown shown = {.hosts = {"gw.acme.test"}};
  Explanation explanation = Explain(config, view, shown);
  EXPECT_EQ(explanation.winner.text, "vendors[0].match[0] (v:1)");
  ASSERT_EQ(explanation.unmet.size(), 2u);
  EXPECT_EQ(explanation.unmet[0].why,
            "its user condition does not hold: no user name is known, wanted "
            "is u-*");
  EXPECT_EQ(explanation.unrelated, 1u);
  shown.user = "else";
  explanation = Explain(config, view, shown);
  EXPECT_EQ(explanation.unmet[0].why,
            "its user condition does not hold: the user name is not u-*");
}

TEST(Explanation, APolicyThatDecidesOtherwiseIsNotPassedOver) {
  VendorConfig config = Users();
  const std::vector<std::byte> policy = *CompilePolicy(config);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  config.vendors[0].match[0].hosts[0].name = "gw.other.test";
  const Explanation explanation =
      Explain(config, view, {.hosts = {"gw.acme.test"}});
  EXPECT_EQ(explanation.mismatch,
            "the rules say none, the compiled policy says "
            "vendors[0].match[0] (v:1)");
}

}  // namespace
}  // namespace proxymeter::cli
