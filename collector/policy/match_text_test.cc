#include "collector/policy/match_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;

template <typename Value>
std::string Message(const absl::StatusOr<Value>& result) {
  return result.ok() ? "accepted" : std::string(result.status().message());
}

TEST(ParseHost, LowersCaseAndDropsTheTrailingDot) {
  EXPECT_EQ(*ParseHost("BRD.SuperProxy.io."),
            (HostPattern{"brd.superproxy.io", false}));
  EXPECT_EQ(*ParseHost("*.SuperProxy.io"),
            (HostPattern{"superproxy.io", true}));
  EXPECT_EQ(*ParseHost("squid_1"), (HostPattern{"squid_1", false}));
  EXPECT_EQ(*ParseHost("1.example"), (HostPattern{"1.example", false}));
}

TEST(ParseHost, AcceptsNamesUpToTheirLimits) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + ".";
  EXPECT_EQ(ParseHost(name + std::string(61, 'a'))->name.size(), 253u);
  EXPECT_EQ(Message(ParseHost(name + std::string(62, 'a'))),
            "'" + name + std::string(62, 'a') +
                "' is not a host name: over 253 characters");
  EXPECT_EQ(Message(ParseHost("a" + label)),
            "'a" + label + "' is not a host name: a label over 63 characters");
}

TEST(ParseHost, RefusesWhatIsNoName) {
  const struct {
    const char* text;
    const char* reason;
  } cases[] = {
      {"*", "'*' is not allowed (only a leading '*.' is a wildcard)"},
      {"*.", "it is empty"},
      {".", "it is empty"},
      {"a*.example", "'*' is not allowed (only a leading '*.' is a wildcard)"},
      {"*.*.example", "'*' is not allowed (only a leading '*.' is a wildcard)"},
      {"a..example", "an empty label"},
      {".example", "an empty label"},
      {"a b", "it holds a space or control character"},
      {"a\tb", "it holds a space or control character"},
      {"b\xc3\xbc"
       "cher.example",
       "write international names in their xn-- form"},
      {"gw.example:80", "':' is not allowed (ports go into 'port')"},
      {"10.0.0.0/8", "'/' is not allowed (networks go into 'cidr')"},
      {"user@gw.example", "'@' is not allowed"},
      {"203.0.113.400", "the last label is a number, and it is no address"},
      {"*.0.113.4", "the last label is a number, and it is no address"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Message(ParseHost(c.text)),
              std::string("'") + c.text + "' is not a host name: " + c.reason);
  }
}

TEST(ParseAddress, TakesLiteralsOnly) {
  EXPECT_EQ(*ParseAddress("192.0.2.1"), (Cidr{MappedIpv4(192, 0, 2, 1), 128}));
  EXPECT_EQ(ParseAddress("::ffff:192.0.2.1"), ParseAddress("192.0.2.1"));
  EXPECT_EQ(
      *ParseAddress("2001:db8::1"),
      (Cidr{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}));
  for (const char* text : {"", "192.0.2", "192.0.2.01", "0x7f.0.0.1", "[::1]",
                           "fe80::1%eth0", "gw.example", " 192.0.2.1"}) {
    EXPECT_FALSE(ParseAddress(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseAddress(std::string_view("192.0.2.1\0x", 11)).has_value());
}

TEST(ParseCidr, KeepsIpv4Mapped) {
  EXPECT_EQ(*ParseCidr("203.0.113.0/24"),
            (Cidr{MappedIpv4(203, 0, 113, 0), 120}));
  EXPECT_EQ(*ParseCidr("0.0.0.0/0"), (Cidr{MappedIpv4(0, 0, 0, 0), 96}));
  EXPECT_EQ(ParseCidr("::ffff:203.0.113.0/120"), ParseCidr("203.0.113.0/24"));
  EXPECT_EQ(*ParseCidr("::/0"), (Cidr{{}, 0}));
}

TEST(ParseCidr, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* reason;
  } cases[] = {
      {"10.0.0.0/33", "prefix length over 32"},
      {"2001:db8::/129", "prefix length over 128"},
      {"10.0.0.0/99999999999", "prefix length over 32"},
      {"10.0.0.0/08", "the prefix length has leading zeros"},
      {"10.0.0.0/", "the prefix length is no number"},
      {"10.0.0.0/-1", "the prefix length is no number"},
      {"10.0.0.0/8/8", "the prefix length is no number"},
      {"10.0.0.0/255.0.0.0", "the prefix length is no number"},
      {"10.0.0.0", "no prefix length (10.0.0.0/32 is the address alone)"},
      {"2001:db8::", "no prefix length (2001:db8::/128 is the address alone)"},
      {"10.0.0/8", "no IPv4 or IPv6 address"},
      {"010.0.0.0/8", "no IPv4 or IPv6 address"},
      {"gw.example/8", "no IPv4 or IPv6 address"},
      {"/8", "no IPv4 or IPv6 address"},
      {"10.0.0.1/8",
       "bits are set beyond the prefix; the network is 10.0.0.0/8"},
      {"2001:db8:1::/32",
       "bits are set beyond the prefix; the network is 2001:db8::/32"},
      {"::ffff:203.0.113.9/120",
       "bits are set beyond the prefix; the network is 203.0.113.0/24"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Message(ParseCidr(c.text)),
              std::string("'") + c.text + "' is not a CIDR: " + c.reason);
  }
}

TEST(ParsePorts, TakesOneOrARange) {
  EXPECT_EQ(*ParsePorts("1"), (PortRange{1, 1}));
  EXPECT_EQ(*ParsePorts("65535"), (PortRange{65535, 65535}));
  EXPECT_EQ(*ParsePorts("7000-7999"), (PortRange{7000, 7999}));
  EXPECT_EQ(*ParsePorts("80-80"), (PortRange{80, 80}));
}

TEST(ParsePorts, RefusesEverythingElse) {
  for (const char* text : {"0", "65536", "99999999999", "080", "0x50", "http",
                           "80.0", "+80", ""}) {
    EXPECT_EQ(Message(ParsePorts(text)),
              std::string("'") + text +
                  "' is not a port: a number from 1 to 65535 is expected");
  }
  for (const char* text :
       {"-80", "80-", "-", "0-80", "80-65536", "80 - 90", "80-90-100"}) {
    EXPECT_EQ(Message(ParsePorts(text)),
              std::string("'") + text +
                  "' is not a port range: two numbers from 1 to 65535 joined "
                  "by '-' are expected");
  }
  EXPECT_EQ(Message(ParsePorts("7999-7000")),
            "'7999-7000' is not a port range: it ends below its start");
}

TEST(MergePorts, JoinsWhatOverlapsOrTouches) {
  EXPECT_THAT(
      MergePorts({{8080, 8080}, {80, 90}, {91, 95}, {85, 92}, {65535, 65535}}),
      ElementsAre(PortRange{80, 95}, PortRange{8080, 8080},
                  PortRange{65535, 65535}));
}

TEST(Contains, NeverMixesTheFamilies) {
  EXPECT_TRUE(Contains(*ParseCidr("10.0.0.0/8"), *ParseCidr("10.1.0.0/16")));
  EXPECT_TRUE(Contains(*ParseCidr("10.0.0.0/8"), *ParseCidr("10.0.0.0/8")));
  EXPECT_FALSE(Contains(*ParseCidr("10.1.0.0/16"), *ParseCidr("10.0.0.0/8")));
  EXPECT_FALSE(Contains(*ParseCidr("10.0.0.0/8"), *ParseCidr("11.0.0.0/16")));
  EXPECT_FALSE(Contains(*ParseCidr("::/0"), *ParseCidr("10.0.0.0/8")));
}

TEST(Format, GivesBackWhatWasParsed) {
  for (const char* text :
       {"203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32", "::/0"}) {
    EXPECT_EQ(FormatCidr(*ParseCidr(text)), text);
  }
  EXPECT_EQ(FormatPorts({{80, 80}, {7000, 7999}}), "80,7000-7999");
}

}  // namespace
}  // namespace proxymeter::collector
