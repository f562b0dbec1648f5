#include "collector/policy/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/policy_view.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

absl::StatusOr<VendorConfig> Parse(const std::string& vendors) {
  return ParseVendorConfig("version: 1\nvendors:\n" + vendors, "v.yaml");
}

std::string MessageFor(const std::string& vendors) {
  const absl::StatusOr<VendorConfig> config = Parse(vendors);
  return config.ok() ? "accepted" : std::string(config.status().message());
}

std::vector<Vendor> VendorsOf(const std::string& vendors) {
  const absl::StatusOr<VendorConfig> config = Parse(vendors);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? config->vendors : std::vector<Vendor>(9);
}

// "vendor: rule" for a connection to `host`.
std::string Decide(const std::string& vendors, std::string_view host,
                   std::uint16_t port, std::string_view user) {
  const absl::StatusOr<VendorConfig> config = Parse(vendors);
  EXPECT_TRUE(config.ok()) << config.status();
  const std::vector<std::byte> policy = *CompilePolicy(*config);
  PolicyView view;
  EXPECT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  const std::array<std::string_view, 1> hosts = {host};
  const PolicyView::Match match =
      view.Find({{MappedIpv4(192, 0, 2, 1), port}, hosts, user});
  if (!match.found) return "none";
  return std::string(match.vendor) + ": " +
         std::string(view.RuleText(match.rule));
}

TEST(Catalogue, HoldsTheKnownVendors) {
  std::vector<std::string_view> names;
  for (const CatalogueFile& file : CatalogueFiles()) names.push_back(file.name);
  EXPECT_THAT(names, ElementsAre("brightdata", "decodo", "iproyal", "netnut",
                                 "oxylabs", "rayobyte", "scraperapi",
                                 "scrapingbee", "soax", "webshare", "zyte"));
}

TEST(Catalogue, EveryVendorCanBeUsedBesideAllOthers) {
  std::string all;
  for (const CatalogueFile& file : CatalogueFiles()) {
    all += "  - use: " + std::string(file.name) + "\n";
  }
  const std::vector<Vendor> vendors = VendorsOf(all);
  ASSERT_EQ(vendors.size(), CatalogueFiles().size());
  for (std::size_t i = 0; i < vendors.size(); ++i) {
    const CatalogueFile& file = CatalogueFiles()[i];
    EXPECT_EQ(vendors[i].name, file.name);
    EXPECT_THAT(file.yaml,
                HasSubstr("\nname: " + std::string(file.name) + "\n"));
    EXPECT_THAT(vendors[i].match, Not(IsEmpty())) << file.name;
    EXPECT_THAT(vendors[i].match,
                Each(Field(&MatchRule::catalogue, file.name)));
  }
}

// Labels of a user name or password, as the vendor's first grammar that matches
// has them.
std::vector<std::string> LabelsOf(const std::string& vendor,
                                  std::string_view user,
                                  std::string_view password = "") {
  const Vendor used = VendorsOf("  - use: " + vendor + "\n")[0];
  std::vector<std::string> labels;
  const auto read = [&](const std::vector<std::string>& grammars,
                        std::string_view text) {
    for (const std::string& grammar : grammars) {
      GrammarValues values;
      if (!UserGrammar(grammar).Match(text, &values)) continue;
      for (const std::string& label : used.labels) {
        const std::string_view value = values.Find(label);
        if (!value.empty()) labels.push_back(label + "=" + std::string(value));
      }
      return;
    }
  };
  if (!user.empty()) read(used.user_names, user);
  if (!password.empty()) read(used.passwords, password);
  return labels;
}

TEST(Catalogue, GrammarsReadWhatVendorsDocument) {
  EXPECT_THAT(
      LabelsOf("brightdata",
               "brd-customer-hl_1-zone-my-isp-country-us-city-x-session-rand1"),
      ElementsAre("zone=my-isp", "country=us"));
  EXPECT_THAT(
      LabelsOf("brightdata", "lum-customer-c-zone-z-dns-remote-asn-56386"),
      ElementsAre("zone=z"));
  EXPECT_THAT(LabelsOf("brightdata", "brd-customer-c-zone-z-ip-1.2.3.4"),
              ElementsAre("zone=z"));
  EXPECT_THAT(LabelsOf("brightdata", "brd-customer-c-zone-z-c_tag-secret"),
              ElementsAre("zone=z"));
  EXPECT_THAT(
      LabelsOf("oxylabs", "customer-u-cc-US-city-x-sessid-a1-sesstime-5"),
      ElementsAre("country=US"));
  EXPECT_THAT(LabelsOf("oxylabs", "customer-u-cn-EU-asn-1"), IsEmpty());
  EXPECT_THAT(LabelsOf("oxylabs", "user-u-country-US"),
              ElementsAre("country=US"));
  EXPECT_THAT(LabelsOf("decodo",
                       "user-u-country-us-city-x-session-1-sessionduration-30"),
              ElementsAre("country=us"));
  EXPECT_THAT(
      LabelsOf("soax", "package-1-country-de-sessionid-2-sessionlength-3"),
      ElementsAre("country=de"));
  EXPECT_THAT(LabelsOf("netnut", "u-res-us-sid-77"),
              ElementsAre("pool=res", "country=us"));
  EXPECT_THAT(LabelsOf("netnut", "u-resfix-us-nnid-0123"),
              ElementsAre("pool=resfix", "country=us"));
  EXPECT_THAT(LabelsOf("netnut", "u-dc-any"),
              ElementsAre("pool=dc", "country=any"));
  EXPECT_THAT(LabelsOf("webshare", "u-us-1234"), ElementsAre("country=us"));
  EXPECT_THAT(LabelsOf("webshare", "u-rotate"), IsEmpty());
  EXPECT_THAT(LabelsOf("iproyal", "u", "pw_country-us_session-S_lifetime-10m"),
              ElementsAre("country=us"));
  EXPECT_THAT(LabelsOf("iproyal", "u", "pw_country-us_state-iowa_streaming-1"),
              ElementsAre("country=us"));
  EXPECT_THAT(LabelsOf("scraperapi", "scraperapi.render=true.country_code=eu"),
              ElementsAre("country=eu", "render=true"));
  EXPECT_THAT(LabelsOf("scraperapi", "scraperapi"), IsEmpty());
  EXPECT_THAT(
      LabelsOf("scrapingbee", "KEY",
               "render_js=false&premium_proxy=true&country_code=us"),
      ElementsAre("country=us", "premium_proxy=true", "render_js=false"));
  EXPECT_THAT(LabelsOf("scrapingbee", "KEY", "wait=100&country_code=us"),
              ElementsAre("country=us"));
}

TEST(Catalogue, GrammarsNeverLetASessionIntoALabel) {
  for (const std::string_view user :
       {"brd-customer-secret-zone-z-session-secret-country-us",
        "brd-customer-secret-session-secret-zone-z"}) {
    EXPECT_THAT(LabelsOf("brightdata", user), Each(Not(HasSubstr("secret"))));
  }
  EXPECT_THAT(LabelsOf("decodo", "user-secret-session-secret-country-us"),
              ElementsAre("country=us"));
}

TEST(Catalogue, WhatStandsBesideUseReplaces) {
  const std::vector<Vendor> vendors = VendorsOf(
      "  - use: brightdata\n"
      "    name: bd\n"
      "    labels: country\n"
      "    price: {currency: USD, per_gb: 8.4}\n"
      "    max_destinations: 7\n"
      "  - use: decodo\n"
      "    match: [{host: proxy.mine}]\n"
      "    user_names: '{user}-in-{country}'\n");
  EXPECT_EQ(vendors[0].name, "bd");
  EXPECT_EQ(vendors[0].line, 4);
  EXPECT_THAT(vendors[0].labels, ElementsAre("country"));
  EXPECT_EQ(vendors[0].user_names.size(), 2u);
  EXPECT_EQ(vendors[0].price->per_gb, 8'400'000'000);
  EXPECT_EQ(vendors[0].max_destinations, 7u);
  EXPECT_EQ(vendors[0].match.at(0).line, 3);
  EXPECT_EQ(vendors[1].name, "decodo");
  EXPECT_THAT(vendors[1].user_names, ElementsAre("{user}-in-{country}"));
  EXPECT_THAT(vendors[1].labels, ElementsAre("country"));
  ASSERT_EQ(vendors[1].match.size(), 1u);
  EXPECT_EQ(vendors[1].match[0].catalogue, "");
  EXPECT_EQ(vendors[1].match[0].line, 9);
}

TEST(Catalogue, AProductIsAVendorOfItsOwn) {
  const std::string yaml =
      "  - {use: brightdata, zone: residential}\n"
      "  - {use: brightdata, zone: isp, country: us}\n"
      "  - {use: brightdata, zone: isp, name: isp-other}\n"
      "  - use: brightdata\n";
  const std::vector<Vendor> vendors = VendorsOf(yaml);
  EXPECT_EQ(vendors[0].name, "brightdata-residential");
  EXPECT_EQ(vendors[1].name, "brightdata-isp-us");
  EXPECT_EQ(vendors[2].name, "isp-other");
  EXPECT_EQ(vendors[3].name, "brightdata");
  EXPECT_THAT(vendors[0].labels, ElementsAre("zone", "country"));

  const auto decide = [&yaml](std::string_view user) {
    return Decide(yaml, "brd.superproxy.io", 33335, user);
  };
  EXPECT_EQ(decide("brd-customer-c-zone-residential-country-us"),
            "brightdata-residential: catalogue brightdata (v.yaml:3)");
  EXPECT_EQ(decide("BRD-customer-c-zone-RESIDENTIAL"),
            "brightdata-residential: catalogue brightdata (v.yaml:3)");
  EXPECT_EQ(decide("lum-customer-c-zone-residential-session-1"),
            "brightdata-residential: catalogue brightdata (v.yaml:3)");
  EXPECT_EQ(decide("brd-customer-c-zone-isp-session-1-country-us"),
            "brightdata-isp-us: catalogue brightdata (v.yaml:4)");
  EXPECT_EQ(decide("brd-customer-c-zone-isp-country-de"),
            "isp-other: catalogue brightdata (v.yaml:5)");
  EXPECT_EQ(decide("brd-customer-c-zone-residential2"),
            "brightdata: catalogue brightdata (v.yaml:6)");
  EXPECT_EQ(decide(""), "brightdata: catalogue brightdata (v.yaml:6)");
  // Host and port hold as before.
  EXPECT_EQ(Decide(yaml, "brd.superproxy.test", 33335,
                   "brd-customer-c-zone-residential"),
            "none");
}

TEST(Catalogue, AProductKeepsHostAndPort) {
  const std::string yaml = "  - {use: decodo, country: us}\n";
  EXPECT_EQ(Decide(yaml, "gate.decodo.com", 7000, "user-u-country-us"),
            "decodo-us: catalogue decodo (v.yaml:3)");
  EXPECT_EQ(Decide(yaml, "gate.decodo.com", 7001, "user-u-country-us"), "none");
  EXPECT_EQ(Decide(yaml, "gate.decodo.com", 7000, "user-u-country-de"), "none");
  EXPECT_EQ(Decide(yaml, "gate.decodo.com", 7000, ""), "none");
}

TEST(Catalogue, ARuleOfOnesOwnIsNarrowedToo) {
  const std::string yaml =
      "  - {use: brightdata, zone: isp, match: [{cidr: 192.0.2.0/24}]}\n";
  EXPECT_EQ(Decide(yaml, "x.test", 1, "brd-customer-c-zone-isp"),
            "brightdata-isp: vendors[0].match[0] (v.yaml:3)");
  EXPECT_EQ(Decide(yaml, "x.test", 1, "brd-customer-c-zone-dc"), "none");
}

struct Mistake {
  std::string vendors;
  std::string message;
};

class CatalogueMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(CatalogueMistake, IsReportedWhereItStands) {
  EXPECT_EQ(MessageFor(GetParam().vendors), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, CatalogueMistake,
    ::testing::Values(
        Mistake{"  - use: brigtdata\n",
                "v.yaml:3:10: vendors[0].use: 'brigtdata' is not in the "
                "catalogue (did you mean 'brightdata'? there are brightdata, "
                "decodo, iproyal, netnut, oxylabs, rayobyte, scraperapi, "
                "scrapingbee, soax, webshare, zyte)"},
        Mistake{"  - use: nobody-knows\n",
                "v.yaml:3:10: vendors[0].use: 'nobody-knows' is not in the "
                "catalogue (there are brightdata, decodo, iproyal, netnut, "
                "oxylabs, rayobyte, scraperapi, scrapingbee, soax, webshare, "
                "zyte)"},
        Mistake{"  - use: [brightdata]\n",
                "v.yaml:3:10: vendors[0].use: a single value is expected"},
        Mistake{"  - use:\n",
                "v.yaml:3:5: vendors[0].use: a value is expected, nothing is "
                "there"},
        Mistake{"  - {use: brightdata, zome: x}\n",
                "v.yaml:3:23: vendors[0].zome: unknown key (did you mean "
                "'zone'?)"},
        Mistake{"  - {use: zyte, zone: x}\n",
                "v.yaml:3:17: vendors[0].zone: unknown key (allowed are name, "
                "match, user_names, "
                "passwords, labels, price, max_destinations, use)"},
        Mistake{"  - {name: acme, match: [{port: 1}], zone: x}\n",
                "v.yaml:3:38: vendors[0].zone: unknown key (allowed are name, "
                "match, user_names, "
                "passwords, labels, price, max_destinations, use)"},
        Mistake{"  - {use: brightdata, zone: [a, b]}\n",
                "v.yaml:3:29: vendors[0].zone: a single value is expected"},
        Mistake{"  - {use: brightdata, zone: 'a b'}\n",
                "v.yaml:3:11: vendors[0].use: 'brightdata-a b' would be its "
                "name and is none: give a 'name'"},
        Mistake{"  - {use: brightdata, name: n, zone: " +
                    std::string(512, 'z') + "}\n",
                "v.yaml:3:38: vendors[0].zone: '" + std::string(512, 'z') +
                    "' makes no grammar of the user name: longer than 512 "
                    "characters"},
        Mistake{"  - {use: scraperapi, user_names: 'k[a={country}][b={country}]"
                "[c={premium}][d={premium}][e={render}][f={render}]"
                "[g={ultra_premium}]', country: x, premium: x, render: x}\n",
                "accepted"},
        Mistake{"  - {use: scraperapi, user_names: 'k[a={country}][b={country}]"
                "[c={premium}][d={premium}][e={render}][f={render}]"
                "[g={render}][h={render}][i={render}][j={render}][k={render}]"
                "[l={ultra_premium}]', country: x, premium: x, render: x}\n",
                "v.yaml:3:227: vendors[0].render: it takes more than 64 "
                "grammars to say that 'render' is 'x'"},
        Mistake{"  - {use: iproyal, country: us}\n",
                "v.yaml:3:29: vendors[0].country: rules see user names, and no "
                "grammar of this vendor's has 'country' in it"},
        Mistake{"  - use: brightdata\n    zone: x\n"
                "    match: [{port: 1, user: a*}]\n",
                "v.yaml:4:11: vendors[0].zone: the rule on line 5 has a 'user' "
                "of its own: only one of the two can hold"},
        Mistake{"  - {use: brightdata, user_names: '{customer}'}\n",
                "v.yaml:3:35: vendors[0].user_names: 'zone' is no value of "
                "this vendor's user_names or passwords"},
        Mistake{"  - use: brightdata\n  - use: brightdata\n",
                "v.yaml:4:10: vendors[1].use: 'brightdata' is already the "
                "vendor on line 3"},
        Mistake{"  - use: decodo\n  - {use: decodo, name: other}\n",
                "v.yaml:4:11: vendors[1].use: overlapping: '*.decodo.com' with "
                "port 7000,10001-65535 of catalogue decodo already belongs to "
                "vendor 'decodo' on line 3"},
        Mistake{"  - use: decodo\n  - name: other\n    match:\n"
                "    - {host: '*.decodo.com', port: [7000, 10001-65535]}\n",
                "v.yaml:6:14: vendors[1].match[0].host: overlapping: "
                "'*.decodo.com' with port 7000,10001-65535 already belongs to "
                "vendor 'decodo' on line 3"}));

}  // namespace
}  // namespace proxymeter::collector
