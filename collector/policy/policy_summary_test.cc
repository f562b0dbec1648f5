#include "collector/policy/policy_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "collector/policy/policy_compiler.h"
#include "proxymeter/policy.h"

namespace proxymeter::collector {
namespace {

using testing::ElementsAre;

std::string Compiled() {
  VendorConfig config;
  config.file_name = "v.yaml";
  Vendor acme;
  acme.name = "acme";
  acme.labels = {"zone", "country"};
  acme.user_names = {"u-{customer}-zone-{zone}[-country-{country}]"};
  MatchRule rule;
  rule.hosts = {{"gw.acme.test", false}, {"acme.test", true}};
  rule.cidrs = {*ParseCidr("10.0.0.0/8"), *ParseCidr("2001:db8::/32")};
  rule.ports = {{80, 80}, {7000, 7999}};
  rule.line = 4;
  acme.match.push_back(rule);
  MatchRule by_user;
  by_user.user = "u-*";
  by_user.line = 9;
  acme.match.push_back(by_user);
  Vendor beta;
  beta.name = "beta";
  config.vendors = {acme, beta};
  const std::vector<std::byte> policy = *CompilePolicy(config);
  return {reinterpret_cast<const char*>(policy.data()), policy.size()};
}

TEST(PolicySummary, HasWhatTheConfigurationSaid) {
  const std::string file = Compiled();
  const auto summary = SummarisePolicy(file);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->version, kPolicyVersion);
  EXPECT_EQ(summary->bytes, file.size());
  PolicyHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  EXPECT_EQ(summary->checksum, header.checksum);
  ASSERT_EQ(summary->vendors.size(), 2u);
  EXPECT_EQ(summary->vendors[0].name, "acme");
  EXPECT_EQ(summary->vendors[0].labels, "zone,country");
  EXPECT_EQ(summary->vendors[0].grammars, 1u);
  EXPECT_EQ(summary->vendors[0].rules, 2u);
  EXPECT_EQ(summary->vendors[1].rules, 0u);
  ASSERT_EQ(summary->rules.size(), 2u);
  const PolicySummary::Rule& rule = summary->rules[0];
  EXPECT_EQ(rule.vendor, "acme");
  EXPECT_EQ(rule.text, "vendors[0].match[0] (v.yaml:4)");
  EXPECT_THAT(rule.hosts, ElementsAre("*.acme.test", "gw.acme.test"));
  EXPECT_EQ(rule.ports, "80,7000-7999");
  EXPECT_EQ(rule.within4, 1u);
  EXPECT_EQ(rule.within6, 1u);
  EXPECT_EQ(rule.user, "");
  EXPECT_EQ(summary->rules[1].user, "u-*");
  EXPECT_EQ(summary->rules[1].ports, "");
}

TEST(PolicySummary, NamesEverySectionAndTheirBytesFit) {
  const std::string file = Compiled();
  const auto summary = SummarisePolicy(file);
  ASSERT_TRUE(summary.ok());
  std::uint64_t bytes = sizeof(PolicyHeader);
  for (const PolicySummary::Section& section : summary->sections) {
    EXPECT_FALSE(section.name.starts_with("kind ")) << section.name;
    bytes += sizeof(PolicySection) + (section.bytes + 7) / 8 * 8;
  }
  EXPECT_EQ(bytes, file.size());
}

TEST(PolicySummary, SaysWhyAFileIsNone) {
  std::string file = Compiled();
  file.back() = static_cast<char>(file.back() ^ 1);
  EXPECT_EQ(SummarisePolicy(file).status().message(), "checksum mismatch");
  EXPECT_EQ(SummarisePolicy("version: 1\n").status().message(), "too short");
  EXPECT_EQ(SummarisePolicy("").status().message(), "too short");
  const std::string yaml = std::string(100, '#');
  EXPECT_EQ(SummarisePolicy(yaml).status().message(), "not a policy file");
}

}  // namespace
}  // namespace proxymeter::collector
