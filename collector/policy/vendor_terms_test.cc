// What an entry of `vendors:` says beyond its name and rules by host, network
// and port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string MessageFor(std::string_view yaml) {
  const absl::StatusOr<VendorConfig> config = ParseVendorConfig(yaml, "v.yaml");
  return config.ok() ? "accepted" : std::string(config.status().message());
}

// A configuration whose lines from 5 on are `fields` of one vendor.
std::string WithFields(const std::string& fields) {
  return "version: 1\n"
         "vendors:\n"
         "  - name: acme\n"
         "    match: [{port: 1}]\n" +
         fields + "\n";
}

// As above, with the price on line 5.
std::string WithPrice(const std::string& price) {
  return WithFields("    price: {" + price + "}");
}

Vendor VendorWith(const std::string& yaml) {
  const absl::StatusOr<VendorConfig> config = ParseVendorConfig(yaml, "v.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? config->vendors.at(0) : Vendor{};
}

TEST(VendorTerms, ReadsGrammarsAndLabels) {
  const Vendor vendor = VendorWith(WithFields(
      "    user_names:\n"
      "      - brd-customer-{customer}-zone-{zone}[-country-{country}]\n"
      "      - 'lum-customer-{customer}-zone-{zone}'\n"
      "    passwords: '{password}[_city-{city}]'\n"
      "    labels: [zone, city]\n"
      "    max_destinations: 500"));
  EXPECT_THAT(
      vendor.user_names,
      ElementsAre("brd-customer-{customer}-zone-{zone}[-country-{country}]",
                  "lum-customer-{customer}-zone-{zone}"));
  EXPECT_THAT(vendor.passwords, ElementsAre("{password}[_city-{city}]"));
  EXPECT_THAT(vendor.labels, ElementsAre("zone", "city"));
  EXPECT_EQ(vendor.max_destinations, 500u);
  EXPECT_FALSE(vendor.price.has_value());
}

TEST(VendorTerms, AreEmptyUnlessGiven) {
  const Vendor vendor = VendorWith(WithFields("    labels: []"));
  EXPECT_THAT(vendor.user_names, IsEmpty());
  EXPECT_THAT(vendor.passwords, IsEmpty());
  EXPECT_THAT(vendor.labels, IsEmpty());
  EXPECT_EQ(vendor.max_destinations, 0u);
  EXPECT_FALSE(vendor.price.has_value());
}

TEST(VendorTerms, ReadsPricesExactly) {
  const Vendor all = VendorWith(
      WithPrice("currency: USD, per_gb: 8.40, per_request: 0.000000001, "
                "per_success: 1000000, unit: GiB, directions: received, "
                "bytes: payload"));
  EXPECT_EQ(all.price, (Price{.currency = "USD",
                              .per_gb = 8'400'000'000,
                              .per_request = 1,
                              .per_success = 1'000'000'000'000'000,
                              .divisor = 1'073'741'824,
                              .directions = Price::Directions::kReceived,
                              .bytes = Price::Bytes::kPayload}));
  const Vendor least = VendorWith(WithPrice("currency: EUR, per_gb: 0.1"));
  EXPECT_EQ(least.price, (Price{.currency = "EUR",
                                .per_gb = 100'000'000,
                                .divisor = 1'000'000'000,
                                .directions = Price::Directions::kBoth,
                                .bytes = Price::Bytes::kWire}));
  const Vendor words = VendorWith(WithPrice(
      "currency: EUR, per_gb: 12, unit: GB, directions: sent, bytes: wire"));
  EXPECT_EQ(words.price->directions, Price::Directions::kSent);
  EXPECT_EQ(words.price->per_gb, 12'000'000'000);
  const Vendor both =
      VendorWith(WithPrice("currency: CHF, per_gb: 0, directions: both"));
  EXPECT_EQ(both.price->directions, Price::Directions::kBoth);
  EXPECT_EQ(both.price->per_gb, 0);
}

TEST(VendorTerms, ReadsConditionsOnTheUserName) {
  const Vendor vendor = VendorWith(
      "version: 1\nvendors:\n  - name: acme\n    match:\n"
      "      - {host: gw.example, port: 80, user: 'brd-*'}\n"
      "      - user: '{user}-res'\n");
  ASSERT_EQ(vendor.match.size(), 2u);
  EXPECT_EQ(vendor.match[0].user, "brd-*");
  EXPECT_EQ(vendor.match[0].hosts.size(), 1u);
  EXPECT_EQ(vendor.match[1].user, "{user}-res");
  EXPECT_EQ(vendor.match[1].line, 6);
}

TEST(VendorTerms, WithTheHeaderAVendorCanDoWithoutRules) {
  const auto config = ParseVendorConfig(
      "version: 1\nvendors: [{name: acme}]\nvendor_header: true\n", "v.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->vendor_header);
  EXPECT_THAT(config->vendors.at(0).match, IsEmpty());
  EXPECT_EQ(
      MessageFor("version: 1\nvendors: [{name: acme}]\nvendor_header: false"),
      "v.yaml:2:11: vendors[0]: 'match' is missing (only with 'vendor_header: "
      "true' can a vendor do without)");
  EXPECT_EQ(MessageFor("version: 1\nvendors: []\nvendor_header: yes"),
            "v.yaml:3:16: vendor_header: 'yes' is neither 'true' nor 'false'");
}

TEST(VendorTerms, OneHostMayBelongToTwoVendorsByUserName) {
  EXPECT_EQ(MessageFor("version: 1\nvendors:\n"
                       "  - name: a\n    match: [{host: x, user: a-*}]\n"
                       "  - name: b\n    match: [{host: x, user: b-*}]\n"
                       "  - name: c\n    match: [{host: x}]\n"),
            "accepted");
}

struct Mistake {
  std::string yaml;
  std::string message;
};

class VendorTermsMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(VendorTermsMistake, IsReportedWhereItStands) {
  EXPECT_EQ(MessageFor(GetParam().yaml), GetParam().message) << GetParam().yaml;
}

std::string TwoVendors(const std::string& one, const std::string& other) {
  return "version: 1\nvendors:\n  - name: one\n    match: [{" + one +
         "}]\n  - name: other\n    match: [{" + other + "}]\n";
}

INSTANTIATE_TEST_SUITE_P(
    User, VendorTermsMistake,
    ::testing::Values(
        Mistake{TwoVendors("user: 'a-{b'", "port: 1"),
                "v.yaml:4:20: vendors[0].match[0].user: 'a-{b' is not a "
                "grammar: '{', '[' or '\\' without what ends it"},
        Mistake{TwoVendors("user: ''", "port: 1"),
                "v.yaml:4:20: vendors[0].match[0].user: the value is empty"},
        Mistake{TwoVendors("user: [a]", "port: 1"),
                "v.yaml:4:20: vendors[0].match[0].user: a single value is "
                "expected"},
        Mistake{TwoVendors("user: 'brd-{customer}-*'", "user: 'BRD-{c}-*'"),
                "v.yaml:6:20: vendors[1].match[0].user: overlapping: user "
                "'BRD-{c}-*' already belongs to vendor 'one' on line 4"},
        Mistake{TwoVendors("host: x, port: 80, user: a*",
                           "host: X, port: 80, user: a*"),
                "v.yaml:6:20: vendors[1].match[0].host: overlapping: 'X' with "
                "port 80 and user 'a*' already belongs to vendor 'one' on "
                "line 4"},
        Mistake{TwoVendors("port: 80, user: a*", "port: 80, user: a*"),
                "v.yaml:6:20: vendors[1].match[0].port: overlapping: port 80 "
                "and user 'a*' already belongs to vendor 'one' on line 4"},
        Mistake{TwoVendors("host: x, user: a*", "host: x, user: a*"),
                "v.yaml:6:20: vendors[1].match[0].host: overlapping: 'x' with "
                "user 'a*' already belongs to vendor 'one' on line 4"}));

INSTANTIATE_TEST_SUITE_P(
    Grammar, VendorTermsMistake,
    ::testing::Values(
        Mistake{WithFields("    user_names: []"),
                "v.yaml:5:17: vendors[0].user_names: the list is empty"},
        Mistake{WithFields("    user_names: 'a]'"),
                "v.yaml:5:17: vendors[0].user_names: 'a]' is not a grammar: "
                "'}' or ']' without its beginning"},
        Mistake{WithFields("    user_names: [a, '{A}']"),
                "v.yaml:5:21: vendors[0].user_names[1]: '{A}' is not a "
                "grammar: a value's name is a letter a-z, then a-z, 0-9 and "
                "'_'"},
        Mistake{WithFields("    user_names: 'a[b[c]]'"),
                "v.yaml:5:17: vendors[0].user_names: 'a[b[c]]' is not a "
                "grammar: an optional part inside another one"},
        Mistake{WithFields("    user_names: 'a[{b}]'"),
                "v.yaml:5:17: vendors[0].user_names: 'a[{b}]' is not a "
                "grammar: an optional part must begin with literal text"},
        Mistake{WithFields("    user_names: '{a}{b}'"),
                "v.yaml:5:17: vendors[0].user_names: '{a}{b}' is not a "
                "grammar: two values that no literal text keeps apart"},
        Mistake{WithFields("    passwords: 'a[b]c'"),
                "v.yaml:5:16: vendors[0].passwords: 'a[b]c' is not a grammar: "
                "only optional parts and '*' may follow an optional part"},
        Mistake{WithFields("    passwords: '*a'"),
                "v.yaml:5:16: vendors[0].passwords: '*a' is not a grammar: "
                "'*' may stand at the end only"},
        Mistake{WithFields("    passwords: " + std::string(513, 'a')),
                "v.yaml:5:16: vendors[0].passwords: '" + std::string(513, 'a') +
                    "' is not a grammar: longer than 512 characters"},
        Mistake{WithFields("    user_names: ['a-{b}', 'A-{c}']"),
                "v.yaml:5:27: vendors[0].user_names[1]: 'A-{c}' is there "
                "before: the first that matches is read"}));

std::string WithLabels(const std::string& labels) {
  return WithFields(
      "    user_names: '{customer}[-a-{a}][-b-{b}][-c-{c}][-d-{d}]"
      "[-e-{e}][-s-{session}]'\n    labels: " +
      labels);
}

INSTANTIATE_TEST_SUITE_P(
    Label, VendorTermsMistake,
    ::testing::Values(
        Mistake{WithLabels("a"), "accepted"},
        Mistake{WithLabels("[a, b, c, d]"), "accepted"},
        Mistake{WithLabels("[a, b, c, d, e]"),
                "v.yaml:6:26: vendors[0].labels[4]: 'e' is one too many: a "
                "vendor has at most 4 labels"},
        Mistake{WithLabels("[a, a]"),
                "v.yaml:6:17: vendors[0].labels[1]: 'a' is there twice"},
        Mistake{WithLabels("zone"),
                "v.yaml:6:13: vendors[0].labels: 'zone' is no value of this "
                "vendor's user_names or passwords"},
        Mistake{WithLabels("customer"),
                "v.yaml:6:13: vendors[0].labels: 'customer' may not become a "
                "label: credentials and sessions never leave the crawler's "
                "process"},
        Mistake{WithLabels("[a, session]"),
                "v.yaml:6:17: vendors[0].labels[1]: 'session' may not become a "
                "label: credentials and sessions never leave the crawler's "
                "process"},
        Mistake{WithLabels("proxy_vendor"),
                "v.yaml:6:13: vendors[0].labels: 'proxy_vendor' is what "
                "metrics call something else"},
        Mistake{WithLabels("__name__"),
                "v.yaml:6:13: vendors[0].labels: '__name__' is what metrics "
                "call something else"},
        Mistake{WithLabels("Zone"),
                "v.yaml:6:13: vendors[0].labels: 'Zone' is not a label: 1 to "
                "24 of a-z, 0-9 and '_', the first no digit"},
        Mistake{WithLabels("1a"),
                "v.yaml:6:13: vendors[0].labels: '1a' is not a label: 1 to 24 "
                "of a-z, 0-9 and '_', the first no digit"},
        Mistake{WithLabels(std::string(25, 'a')),
                "v.yaml:6:13: vendors[0].labels: '" + std::string(25, 'a') +
                    "' is not a label: 1 to 24 of a-z, 0-9 and '_', the first "
                    "no digit"},
        Mistake{WithFields("    labels: zone"),
                "v.yaml:5:13: vendors[0].labels: 'zone' is no value of this "
                "vendor's user_names or passwords"}));

INSTANTIATE_TEST_SUITE_P(
    Price, VendorTermsMistake,
    ::testing::Values(
        Mistake{WithFields("    price: 8.40"),
                "v.yaml:5:12: vendors[0].price: a mapping is expected "
                "(currency, per_gb, per_request, per_success, unit, "
                "directions, bytes)"},
        Mistake{WithPrice("per_gb: 1"),
                "v.yaml:5:12: vendors[0].price: 'currency' is missing"},
        Mistake{WithPrice("currency: usd, per_gb: 1"),
                "v.yaml:5:23: vendors[0].price.currency: 'usd' is not a "
                "currency: three capital letters as in ISO 4217 are expected, "
                "such as USD"},
        Mistake{WithPrice("currency: USDT, per_gb: 1"),
                "v.yaml:5:23: vendors[0].price.currency: 'USDT' is not a "
                "currency: three capital letters as in ISO 4217 are expected, "
                "such as USD"},
        Mistake{WithPrice("currency: USD"),
                "v.yaml:5:12: vendors[0].price: a price without an amount: "
                "per_gb, per_request or per_success is needed"},
        Mistake{WithPrice("currency: USD, per_gb: -1"),
                "v.yaml:5:36: vendors[0].price.per_gb: '-1' is not an amount: "
                "digits, and at most one point between them, are expected"},
        Mistake{WithPrice("currency: USD, per_gb: '8,40'"),
                "v.yaml:5:36: vendors[0].price.per_gb: '8,40' is not an "
                "amount: digits, and at most one point between them, are "
                "expected"},
        Mistake{WithPrice("currency: USD, per_gb: 1e3"),
                "v.yaml:5:36: vendors[0].price.per_gb: '1e3' is not an "
                "amount: digits, and at most one point between them, are "
                "expected"},
        Mistake{WithPrice("currency: USD, per_gb: .5"),
                "v.yaml:5:36: vendors[0].price.per_gb: '.5' is not an amount: "
                "digits, and at most one point between them, are expected"},
        Mistake{WithPrice("currency: USD, per_gb: 5."),
                "v.yaml:5:36: vendors[0].price.per_gb: '5.' is not an amount: "
                "digits, and at most one point between them, are expected"},
        Mistake{WithPrice("currency: USD, per_gb: 1.2.3"),
                "v.yaml:5:36: vendors[0].price.per_gb: '1.2.3' is not an "
                "amount: digits, and at most one point between them, are "
                "expected"},
        Mistake{WithPrice("currency: USD, per_gb: 08"),
                "v.yaml:5:36: vendors[0].price.per_gb: '08' is not an amount: "
                "leading zeros"},
        Mistake{WithPrice("currency: USD, per_request: 0.0000000001"),
                "v.yaml:5:41: vendors[0].price.per_request: '0.0000000001' is "
                "not an amount: more than 9 decimals"},
        Mistake{WithPrice("currency: USD, per_success: 1000000.000000001"),
                "v.yaml:5:41: vendors[0].price.per_success: "
                "'1000000.000000001' is not an amount: over 1000000"},
        Mistake{WithPrice("currency: USD, per_success: 99999999999999999999"),
                "v.yaml:5:41: vendors[0].price.per_success: "
                "'99999999999999999999' is not an amount: over 1000000"},
        Mistake{WithPrice("currency: USD, per_gb: 1, unit: gb"),
                "v.yaml:5:45: vendors[0].price.unit: 'gb' is neither 'GB' nor "
                "'GiB'"},
        Mistake{WithPrice("currency: USD, per_gb: 1, directions: in"),
                "v.yaml:5:51: vendors[0].price.directions: 'in' is none of "
                "'both', 'sent', 'received'"},
        Mistake{WithPrice("currency: USD, per_gb: 1, bytes: all"),
                "v.yaml:5:46: vendors[0].price.bytes: 'all' is neither 'wire' "
                "nor 'payload'"},
        Mistake{WithPrice("currency: USD, per_request: 1, unit: GB"),
                "v.yaml:5:50: vendors[0].price.unit: says nothing without "
                "'per_gb'"},
        Mistake{WithPrice("currency: USD, per_gbyte: 1"),
                "v.yaml:5:28: vendors[0].price.per_gbyte: unknown key "
                "(allowed are currency, per_gb, per_request, per_success, "
                "unit, directions, bytes)"}));

std::string MaxDestinationsMessage(const std::string& value) {
  return "v.yaml:5:23: vendors[0].max_destinations: '" + value +
         "' is not a number of destinations: 1 to 100000 is expected";
}

INSTANTIATE_TEST_SUITE_P(
    MaxDestinations, VendorTermsMistake,
    ::testing::Values(Mistake{WithFields("    max_destinations: 100000"),
                              "accepted"},
                      Mistake{WithFields("    max_destinations: 0"),
                              MaxDestinationsMessage("0")},
                      Mistake{WithFields("    max_destinations: 100001"),
                              MaxDestinationsMessage("100001")},
                      Mistake{WithFields("    max_destinations: -1"),
                              MaxDestinationsMessage("-1")},
                      Mistake{WithFields("    max_destinations: 010"),
                              MaxDestinationsMessage("010")},
                      Mistake{WithFields("    max_destinations: 10k"),
                              MaxDestinationsMessage("10k")}));

}  // namespace
}  // namespace proxymeter::collector
