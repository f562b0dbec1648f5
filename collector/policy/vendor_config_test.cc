#include "collector/policy/vendor_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string MessageFor(std::string_view yaml) {
  const absl::StatusOr<VendorConfig> config = ParseVendorConfig(yaml, "v.yaml");
  return config.ok() ? "accepted" : std::string(config.status().message());
}

// A configuration whose line 6 is the rule "      - `fields`".
std::string WithRule(const std::string& fields) {
  return "version: 1\n"
         "vendors:\n"
         "  # a comment\n"
         "  - name: acme\n"
         "    match:\n"
         "      - " +
         fields + "\n";
}

TEST(VendorConfig, ReadsEveryForm) {
  const absl::StatusOr<VendorConfig> config = ParseVendorConfig(R"(
version: 1
vendors:
  - name: acme
    match:
      - host: GW.acme.example
        port: 7000-7001
      - host: ["*.acme.example", 192.0.2.7, "2001:db8::7"]
        cidr: ["192.0.2.0/24", 2001:db8::/32]
        port: [80, "81-90", '8080']
  - match: [{port: 24000}]
    name: 0th.one_-
)",
                                                                "v.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->file_name, "v.yaml");
  ASSERT_EQ(config->vendors.size(), 2u);
  const Vendor& acme = config->vendors[0];
  EXPECT_EQ(acme.name, "acme");
  EXPECT_EQ(acme.line, 4);
  ASSERT_EQ(acme.match.size(), 2u);
  EXPECT_EQ(acme.match[0].line, 6);
  EXPECT_THAT(acme.match[0].hosts,
              ElementsAre(HostPattern{"gw.acme.example", false}));
  EXPECT_THAT(acme.match[0].ports, ElementsAre(PortRange{7000, 7001}));
  EXPECT_THAT(acme.match[0].cidrs, IsEmpty());
  EXPECT_EQ(acme.match[1].line, 8);
  EXPECT_THAT(acme.match[1].hosts,
              ElementsAre(HostPattern{"acme.example", true}));
  EXPECT_THAT(
      acme.match[1].host_addresses,
      ElementsAre(*ParseAddress("192.0.2.7"), *ParseAddress("2001:db8::7")));
  EXPECT_THAT(acme.match[1].cidrs, ElementsAre(*ParseCidr("192.0.2.0/24"),
                                               *ParseCidr("2001:db8::/32")));
  EXPECT_THAT(acme.match[1].ports,
              ElementsAre(PortRange{80, 90}, PortRange{8080, 8080}));
  EXPECT_EQ(config->vendors[1].name, "0th.one_-");
  EXPECT_THAT(config->vendors[1].match[0].ports,
              ElementsAre(PortRange{24000, 24000}));
}

TEST(VendorConfig, AcceptsNoVendors) {
  const auto config = ParseVendorConfig("version: 1\nvendors: []\n", "v.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->vendors, IsEmpty());
}

TEST(VendorConfig, AcceptsTheSameConditionTwiceInOneVendor) {
  EXPECT_EQ(MessageFor(WithRule("host: a.example\n      - host: a.example")),
            "accepted");
}

TEST(VendorConfig, AcceptsOneHostWithDifferentPortsInTwoVendors) {
  EXPECT_EQ(MessageFor(WithRule("{host: a.example, port: 80}") +
                       "  - name: other\n"
                       "    match: [{host: a.example, port: 81},"
                       " {host: a.example}, {host: '*.a.example', port: 80}]"),
            "accepted");
}

TEST(VendorConfig, CallSitesAreOffUnlessAskedFor) {
  const auto parsed = [](const std::string& line) {
    const auto config =
        ParseVendorConfig("version: 1\n" + line + "vendors: []\n", "v.yaml");
    EXPECT_TRUE(config.ok()) << config.status();
    return config->call_sites;
  };
  EXPECT_EQ(parsed(""), CallSites::kOff);
  EXPECT_EQ(parsed("call_sites: off\n"), CallSites::kOff);
  EXPECT_EQ(parsed("call_sites: sampled\n"), CallSites::kSampled);
  EXPECT_EQ(MessageFor("version: 1\nvendors: []\ncall_sites: Sampled\n"),
            "v.yaml:3:13: call_sites: 'Sampled' is neither 'off' nor "
            "'sampled'");
  EXPECT_EQ(MessageFor("version: 1\ncall_sites: [off]\nvendors: []\n"),
            "v.yaml:2:13: call_sites: a single value is expected");
  EXPECT_EQ(MessageFor("version: 1\ncall_sites:\nvendors: []\n"),
            "v.yaml:2:1: call_sites: a value is expected, nothing is there");
}

TEST(VendorConfig, LoadsTheExample) {
  const auto config = LoadVendorConfig(PROXYMETER_EXAMPLE);
  ASSERT_TRUE(config.ok()) << config.status();
  std::vector<std::string> names;
  for (const Vendor& vendor : config->vendors) names.push_back(vendor.name);
  EXPECT_THAT(names,
              ElementsAre("brightdata-res", "brightdata", "oxylabs", "zyte",
                          "acme", "static-addresses", "proxy-manager"));
}

TEST(VendorConfig, SaysThatAFileCannotBeRead) {
  const std::string missing = ::testing::TempDir() + "no_such_vendors.yaml";
  const absl::Status none = LoadVendorConfig(missing).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.message(),
            missing + ": cannot be read: No such file or directory");
  EXPECT_EQ(LoadVendorConfig("/").status().message(),
            "/: cannot be read: Is a directory");
}

struct Mistake {
  std::string yaml;
  std::string message;
};

class VendorConfigMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(VendorConfigMistake, IsRefusedWithItsPlace) {
  EXPECT_EQ(MessageFor(GetParam().yaml), GetParam().message) << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    Document, VendorConfigMistake,
    ::testing::Values(
        Mistake{"",
                "v.yaml:1:1: top level: a mapping is expected (version, "
                "vendors, call_sites, vendor_header, filters, destinations)"},
        Mistake{"- version",
                "v.yaml:1:1: top level: a mapping is expected "
                "(version, vendors, call_sites, vendor_header, filters, "
                "destinations)"},
        Mistake{"version: 1\nvendors: [\n",
                "v.yaml:3:1: YAML syntax: end of "
                "sequence flow not found"},
        Mistake{"version: 1\nvendors: []\n---\nversion: 1\n",
                "v.yaml:4:1: a second YAML document"},
        // yaml-cpp makes empty documents of it, without end.
        Mistake{",", "v.yaml:1:1: YAML syntax: this begins no document"},
        Mistake{"vendors: []\n", "v.yaml:1:1: top level: 'version' is missing"},
        Mistake{"version: 1\n", "v.yaml:1:1: top level: 'vendors' is missing"},
        Mistake{"vendors: []\nversion: 2\n",
                "v.yaml:2:10: version: version '2' is not supported, only 1"},
        Mistake{"vendors: []\nversion:\n",
                "v.yaml:2:1: version: a value is expected, nothing is there"},
        Mistake{"vendors: []\nversion: [1]\n",
                "v.yaml:2:10: version: a single value is expected"},
        Mistake{"version: !!int 1\nvendors: []\n",
                "v.yaml:1:10: version: YAML tags are not used here "
                "('tag:yaml.org,2002:int')"},
        Mistake{"version: 1\nvendors:\n",
                "v.yaml:2:1: vendors: a list is expected"},
        Mistake{"version: 1\nvendors: {}\n",
                "v.yaml:2:10: vendors: a list is expected"},
        Mistake{"version: 1\nvendor: []\n",
                "v.yaml:2:1: vendor: unknown key (did you mean 'vendors'?)"},
        Mistake{"version: 1\nprices: []\n",
                "v.yaml:2:1: prices: unknown key (allowed are version, "
                "vendors, call_sites, vendor_header, filters, "
                "destinations)"},
        Mistake{"version: 1\nvendors: []\nversion: 1\n",
                "v.yaml:3:1: version: repeated key, first on line 1"},
        Mistake{"version: 1\n? [a, b]\n: c\n",
                "v.yaml:2:3: top level: a key must be a plain word"}));

INSTANTIATE_TEST_SUITE_P(
    Vendor, VendorConfigMistake,
    ::testing::Values(
        Mistake{"version: 1\nvendors: [acme]\n",
                "v.yaml:2:11: vendors[0]: a mapping is expected (name, match, "
                "user_names, passwords, labels, price, max_destinations, use)"},
        Mistake{"version: 1\nvendors:\n  - match: [{port: 1}]\n",
                "v.yaml:3:5: vendors[0]: 'name' is missing"},
        Mistake{"version: 1\nvendors:\n  - name: acme\n",
                "v.yaml:3:5: vendors[0]: 'match' is missing (only with "
                "'vendor_header: true' can a vendor do without)"},
        Mistake{"version: 1\nvendors:\n  - name: acme\n    mach: []\n",
                "v.yaml:4:5: vendors[0].mach: unknown key (did you mean "
                "'match'?)"},
        Mistake{"version: 1\nvendors:\n  - name: acme\n    name: acme\n",
                "v.yaml:4:5: vendors[0].name: repeated key, first on line 3"},
        Mistake{"version: 1\nvendors:\n  - name: acme\n    match: []\n",
                "v.yaml:4:12: vendors[0].match: the list is empty"},
        Mistake{"version: 1\nvendors:\n  - name: acme\n    match: {port: 1}\n",
                "v.yaml:4:12: vendors[0].match: a list is expected"},
        Mistake{"version: 1\nvendors:\n  - name: ''\n",
                "v.yaml:3:11: vendors[0].name: the value is empty"},
        Mistake{"version: 1\nvendors:\n  - name: direct\n",
                "v.yaml:3:11: vendors[0].name: 'direct' is reserved for "
                "traffic that uses no vendor"},
        Mistake{"version: 1\nvendors:\n  - name: Acme\n",
                "v.yaml:3:11: vendors[0].name: 'Acme' is not a vendor name: 1 "
                "to 63 of a-z, 0-9, '_', '.', '-', the first a letter or "
                "digit"},
        Mistake{"version: 1\nvendors:\n  - name: _acme\n",
                "v.yaml:3:11: vendors[0].name: '_acme' is not a vendor name: "
                "1 to 63 of a-z, 0-9, '_', '.', '-', the first a letter or "
                "digit"},
        Mistake{"version: 1\nvendors:\n  - name: " + std::string(64, 'a'),
                "v.yaml:3:11: vendors[0].name: '" + std::string(64, 'a') +
                    "' is not a vendor name: 1 to 63 of a-z, 0-9, '_', '.', "
                    "'-', the first a letter or digit"},
        Mistake{WithRule("port: 1") + "  - name: acme\n",
                "v.yaml:7:11: vendors[1].name: 'acme' is already the vendor "
                "on line 4"}));

INSTANTIATE_TEST_SUITE_P(
    Rule, VendorConfigMistake,
    ::testing::Values(
        Mistake{WithRule("gw.example"),
                "v.yaml:6:9: vendors[0].match[0]: a mapping is expected "
                "(host, port, cidr, addresses, user)"},
        Mistake{WithRule("{}"),
                "v.yaml:6:9: vendors[0].match[0]: a rule without condition: "
                "host, cidr, addresses, port or user is needed"},
        Mistake{WithRule("hosts: gw.example"),
                "v.yaml:6:9: vendors[0].match[0].hosts: unknown key (did you "
                "mean 'host'?)"},
        Mistake{WithRule("host: a\n        host: b"),
                "v.yaml:7:9: vendors[0].match[0].host: repeated key, first on "
                "line 6"},
        Mistake{WithRule("host:"),
                "v.yaml:6:9: vendors[0].match[0].host: a value is expected, "
                "nothing is there"},
        Mistake{WithRule("host: []"),
                "v.yaml:6:15: vendors[0].match[0].host: the list is empty"},
        Mistake{WithRule("host: {name: gw.example}"),
                "v.yaml:6:15: vendors[0].match[0].host: a single value is "
                "expected"},
        Mistake{WithRule("host: [a, [b]]"),
                "v.yaml:6:19: vendors[0].match[0].host[1]: a single value is "
                "expected"},
        Mistake{WithRule("host: [a, b c]"),
                "v.yaml:6:19: vendors[0].match[0].host[1]: 'b c' is not a "
                "host name: it holds a space or control character"},
        Mistake{WithRule("port: [80,\n          0]"),
                "v.yaml:7:11: vendors[0].match[0].port[1]: '0' is not a port: "
                "a number from 1 to 65535 is expected"},
        Mistake{WithRule("port: 90-80"),
                "v.yaml:6:15: vendors[0].match[0].port: '90-80' is not a port "
                "range: it ends below its start"},
        Mistake{WithRule("port: []"),
                "v.yaml:6:15: vendors[0].match[0].port: the list is empty"},
        Mistake{WithRule("cidr: []"),
                "v.yaml:6:15: vendors[0].match[0].cidr: the list is empty"},
        Mistake{WithRule("cidr: 10.0.0.0/33"),
                "v.yaml:6:15: vendors[0].match[0].cidr: '10.0.0.0/33' is not "
                "a CIDR: prefix length over 32"},
        Mistake{WithRule("cidr: [10.0.0.0/8, 10.0.0.1/8]"),
                "v.yaml:6:28: vendors[0].match[0].cidr[1]: '10.0.0.1/8' is "
                "not a CIDR: bits are set beyond the prefix; the network is "
                "10.0.0.0/8"},
        Mistake{WithRule("{host: 192.0.2.1, cidr: 10.0.0.0/8}"),
                "v.yaml:6:16: vendors[0].match[0].host: '192.0.2.1' lies in "
                "none of this rule's cidr: never matches"}));

std::string TwoVendors(const std::string& one, const std::string& other) {
  return WithRule(one) + "  - name: other\n    match:\n      - " + other + "\n";
}

INSTANTIATE_TEST_SUITE_P(
    Overlap, VendorConfigMistake,
    ::testing::Values(
        Mistake{
            TwoVendors("host: [x.example, gw.example]", "host: GW.example."),
            "v.yaml:9:15: vendors[1].match[0].host: overlapping: "
            "'GW.example.' already belongs to vendor 'acme' on line 6"},
        Mistake{TwoVendors("{host: '*.a.example', port: [80, 81-90]}",
                           "{port: [80-90], host: '*.a.example'}"),
                "v.yaml:9:31: vendors[1].match[0].host: overlapping: "
                "'*.a.example' with port 80-90 already belongs to vendor "
                "'acme' on line 6"},
        Mistake{TwoVendors("cidr: [10.0.0.0/8,\n          192.0.2.1/32]",
                           "host: 192.0.2.1"),
                "v.yaml:10:15: vendors[1].match[0].host: overlapping: "
                "'192.0.2.1' already belongs to vendor 'acme' on line 7"},
        Mistake{TwoVendors("cidr: 2001:db8::/32", "cidr: '2001:0db8::/32'"),
                "v.yaml:9:15: vendors[1].match[0].cidr: overlapping: "
                "'2001:0db8::/32' already belongs to vendor 'acme' on line 6"},
        Mistake{TwoVendors("{host: a, cidr: [10.0.0.0/8, 192.0.2.0/24]}",
                           "{cidr: [192.0.2.0/24, 10.0.0.0/8], host: a}"),
                "v.yaml:9:50: vendors[1].match[0].host: overlapping: 'a' "
                "already belongs to vendor 'acme' on line 6"},
        Mistake{TwoVendors("port: 24000", "port: 24000"),
                "v.yaml:9:15: vendors[1].match[0].port: overlapping: port "
                "24000 already belongs to vendor 'acme' on line 6"}));

}  // namespace
}  // namespace proxymeter::collector
