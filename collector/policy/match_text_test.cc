#include "collector/policy/match_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

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

std::vector<std::string> RangeTexts(std::string_view text) {
  const auto cidrs = ParseRange(text);
  if (!cidrs.ok()) return {std::string(cidrs.status().message())};
  std::vector<std::string> texts;
  for (const Cidr& cidr : *cidrs) texts.push_back(FormatCidr(cidr));
  return texts;
}

TEST(ParseRange, GivesTheFewestNetworks) {
  using testing::ElementsAre;
  EXPECT_THAT(RangeTexts("192.0.2.7-192.0.2.7"), ElementsAre("192.0.2.7/32"));
  EXPECT_THAT(RangeTexts("192.0.2.0 - 192.0.2.255"),
              ElementsAre("192.0.2.0/24"));
  EXPECT_THAT(RangeTexts("192.0.2.7-192.0.2.10"),
              ElementsAre("192.0.2.7/32", "192.0.2.8/31", "192.0.2.10/32"));
  EXPECT_THAT(RangeTexts("0.0.0.0-255.255.255.255"), ElementsAre("0.0.0.0/0"));
  EXPECT_THAT(RangeTexts("255.255.255.254-255.255.255.255"),
              ElementsAre("255.255.255.254/31"));
  EXPECT_THAT(RangeTexts("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
              ElementsAre("::/0"));
  EXPECT_THAT(
      RangeTexts("2001:db8::1-2001:db8::4"),
      ElementsAre("2001:db8::1/128", "2001:db8::2/127", "2001:db8::4/128"));
  EXPECT_EQ(RangeTexts("0.0.0.1-255.255.255.254").size(), 62u);
  EXPECT_EQ(RangeTexts("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").size(),
            254u);
  // What lies amid IPv6 as ::ffff:0:0/96 is IPv4, and no piece of the range.
  for (const std::string& text : RangeTexts("::fffe:ffff:ffff-::1:0:0:0")) {
    EXPECT_EQ(text.find('.'), std::string::npos) << text;
  }
}

TEST(ParseRange, RefusesEverythingElse) {
  using testing::ElementsAre;
  EXPECT_THAT(RangeTexts("192.0.2.7"),
              ElementsAre("'192.0.2.7' is not an address range: two addresses "
                          "joined by '-' are expected"));
  for (const char* text : {"-", "192.0.2.7-", "-192.0.2.7", "1.2.3.4-5",
                           "1.2.3.4-1.2.3.5-1.2.3.6", "1.2.3.0/24-1.2.4.0"}) {
    EXPECT_THAT(RangeTexts(text),
                ElementsAre("'" + std::string(text) +
                            "' is not an address range: no IPv4 or IPv6 "
                            "address on each side of '-'"));
  }
  EXPECT_THAT(RangeTexts("10.0.0.2-10.0.0.1"),
              ElementsAre("'10.0.0.2-10.0.0.1' is not an address range: it "
                          "ends below its start"));
  EXPECT_THAT(RangeTexts("10.0.0.2-::1"),
              ElementsAre("'10.0.0.2-::1' is not an address range: one end is "
                          "an IPv4 address, the other IPv6"));
}

// The pieces join without a gap from end to end, and none could be larger.
TEST(ParseRange, IsCoveredExactly) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    const bool v4 = random() % 2 == 0;
    Address first = v4 ? MappedIpv4(0, 0, 0, 0) : Address{0x20, 0x01};
    for (int byte = v4 ? 12 : 4; byte < 16; ++byte) {
      static constexpr std::uint8_t kBytes[] = {0, 0, 1, 0x7f, 0x80, 0xff};
      first[byte] = kBytes[random() % 6];
    }
    Address last = first;
    for (int byte = 15 - static_cast<int>(random() % 4); byte < 16; ++byte) {
      last[byte] = static_cast<std::uint8_t>(random());
    }
    if (last < first) std::swap(first, last);
    const auto text = [](const Address& address) {
      const std::string cidr = FormatCidr({address, 128});
      return cidr.substr(0, cidr.find('/'));
    };
    const auto cidrs = ParseRange(text(first) + "-" + text(last));
    ASSERT_TRUE(cidrs.ok()) << cidrs.status();
    Address next = first;
    for (const Cidr& cidr : *cidrs) {
      ASSERT_EQ(cidr.network, next);
      const Address end = LastAddress(cidr);
      ASSERT_LE(end, last);
      if (cidr.prefix > (v4 ? 96 : 0)) {
        Cidr wider{cidr.network, static_cast<std::uint8_t>(cidr.prefix - 1)};
        wider.network[wider.prefix / 8] &=
            static_cast<std::uint8_t>(~(0x80 >> wider.prefix % 8));
        ASSERT_TRUE(wider.network < first || last < LastAddress(wider));
      }
      next = end;
      for (int byte = 15; byte >= 0 && ++next[byte] == 0; --byte) {
      }
    }
    Address after = last;
    for (int byte = 15; byte >= 0 && ++after[byte] == 0; --byte) {
    }
    ASSERT_EQ(next, after);
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
