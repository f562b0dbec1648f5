#include "shim/protocol/host_name.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

namespace proxymeter::protocol {
namespace {

static_assert(std::is_trivially_destructible_v<HostName>);
static_assert(std::is_trivially_copyable_v<HostName>);
constinit HostName constant_initialized;

std::string FromAuthority(std::string_view text, bool valid = true) {
  HostName host;
  EXPECT_EQ(host.AssignAuthority(text), valid) << text;
  return std::string(host.view());
}

std::string FromHost(std::string_view text, bool valid = true) {
  HostName host;
  EXPECT_EQ(host.AssignHost(text), valid) << text;
  return std::string(host.view());
}

std::string FromAddress(const std::vector<std::uint8_t>& raw) {
  HostName host;
  host.AssignAddress(raw);
  return std::string(host.view());
}

/// A name of `size` bytes in labels of at most 63.
std::string LongName(std::size_t size) {
  std::string name(size, 'a');
  for (std::size_t i = 63; i + 1 < size; i += 64) name[i] = '.';
  return name;
}

TEST(HostNameTest, IsEmptyAtFirst) {
  EXPECT_TRUE(constant_initialized.empty());
  EXPECT_EQ(constant_initialized.view(), "");
}

TEST(HostNameTest, TakesTheHostOfAnAuthority) {
  EXPECT_EQ(FromAuthority("example.com"), "example.com");
  EXPECT_EQ(FromAuthority("Example.COM:443"), "example.com");
  EXPECT_EQ(FromAuthority("example.com:"), "example.com");
  EXPECT_EQ(FromAuthority("example.com.:80"), "example.com");
  EXPECT_EQ(FromAuthority("a_b-1.example"), "a_b-1.example");
  EXPECT_EQ(FromAuthority("_dmarc.example"), "_dmarc.example");
  EXPECT_EQ(FromAuthority("192.0.2.7:8080"), "192.0.2.7");
  EXPECT_EQ(FromAuthority("localhost"), "localhost");
}

TEST(HostNameTest, DropsUserInformation) {
  EXPECT_EQ(FromAuthority("user:secret@example.com:80"), "example.com");
  EXPECT_EQ(FromAuthority("user@odd@example.com"), "example.com");
  EXPECT_EQ(FromAuthority(std::string(5000, 'u') + "@example.com"),
            "example.com");
}

TEST(HostNameTest, KeepsNoByteOfUserInformation) {
  HostName host;
  ASSERT_TRUE(host.AssignAuthority("name:hunter2hunter2@a.b"));
  const std::string memory(reinterpret_cast<const char*>(&host), sizeof(host));
  EXPECT_NE(memory.find("a.b"), std::string::npos);
  EXPECT_EQ(memory.find("hunter2"), std::string::npos);
  ASSERT_FALSE(host.AssignAuthority("name:hunter2hunter2"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(&host), sizeof(host))
                .find("hunter2"),
            std::string::npos);
}

TEST(HostNameTest, UnwrapsIpv6Literals) {
  EXPECT_EQ(FromAuthority("[2001:DB8::1]:443"), "2001:db8::1");
  EXPECT_EQ(FromAuthority("[::ffff:192.0.2.1]"), "::ffff:192.0.2.1");
  EXPECT_EQ(FromAuthority("[fe80::1%eth0]:80"), "fe80::1");
  EXPECT_EQ(FromAuthority("[fe80::1%25en0]"), "fe80::1");
  EXPECT_EQ(FromHost("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(FromHost("2001:DB8::1"), "2001:db8::1");
}

TEST(HostNameTest, EmptyTextStaysEmpty) {
  EXPECT_EQ(FromAuthority("", false), "");
  EXPECT_EQ(FromHost("", false), "");
}

TEST(HostNameTest, RefusesWhatIsNoHost) {
  const std::vector<std::string> bad = {":80",
                                        "user@",
                                        "a b",
                                        "a/b",
                                        "a:b",
                                        "a:80:80",
                                        "a:8x",
                                        "a\tb",
                                        "b\xc3\xbc",
                                        ".",
                                        "..",
                                        "a..b",
                                        ".a",
                                        "a..",
                                        "[::1",
                                        "[::1]x",
                                        "[::1]:x",
                                        "[]",
                                        "[abc]",
                                        "[::g]",
                                        "[%eth0]",
                                        "a%20b",
                                        "_other",
                                        "_invalid",
                                        "a\"b",
                                        "a\\b",
                                        "[a:[b:]",
                                        "[" + std::string(60, ':') + "]",
                                        "*",
                                        std::string("a\0b", 3),
                                        std::string(1, '\0')};
  for (const std::string& text : bad) {
    EXPECT_EQ(FromAuthority(text, false), "_invalid") << text;
  }
  EXPECT_EQ(FromHost("a:80", false), "_invalid");
  EXPECT_EQ(FromHost("user@a", false), "_invalid");
  EXPECT_EQ(FromHost("[", false), "_invalid");
  EXPECT_EQ(FromHost("]", false), "_invalid");
  EXPECT_EQ(FromHost("[::1]]", false), "_invalid");
}

TEST(HostNameTest, TakesTheLongestNameAndNoLonger) {
  const std::string longest = LongName(253);
  EXPECT_EQ(FromAuthority(longest), longest);
  EXPECT_EQ(FromAuthority(longest + ".:65535"), longest);
  EXPECT_EQ(FromHost(longest + "."), longest);
  EXPECT_EQ(FromAuthority(LongName(254), false), "_invalid");
  EXPECT_EQ(FromAuthority(LongName(100'000), false), "_invalid");
  EXPECT_EQ(FromHost(LongName(254), false), "_invalid");
  EXPECT_EQ(FromAuthority("a.example:" + std::string(300, '0'), false),
            "_invalid");
}

TEST(HostNameTest, RecoversFromABadText) {
  HostName host;
  EXPECT_FALSE(host.AssignAuthority(LongName(1000)));
  EXPECT_TRUE(host.AssignAuthority("a.b:1"));
  EXPECT_EQ(host.view(), "a.b");
  host.Clear();
  EXPECT_TRUE(host.empty());
}

TEST(HostNameTest, ReadsAsEmptyWhileItIsBuilt) {
  HostName host;
  host.AppendHost('a');
  EXPECT_TRUE(host.empty());
  EXPECT_TRUE(host.FinishHost());
  EXPECT_EQ(host.view(), "a");
}

TEST(HostNameTest, PrintsAddresses) {
  EXPECT_EQ(FromAddress({192, 0, 2, 255}), "192.0.2.255");
  EXPECT_EQ(FromAddress({0, 0, 0, 0}), "0.0.0.0");
  EXPECT_EQ(
      FromAddress({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}),
      "192.0.2.1");
  EXPECT_EQ(FromAddress({1, 2, 3}), "_invalid");
  EXPECT_EQ(FromAddress({}), "_invalid");
}

std::string FromGroups(const std::vector<unsigned>& groups) {
  std::vector<std::uint8_t> raw;
  for (unsigned group : groups) {
    raw.push_back(static_cast<std::uint8_t>(group >> 8));
    raw.push_back(static_cast<std::uint8_t>(group));
  }
  return FromAddress(raw);
}

// RFC 5952, 4 and its examples.
TEST(HostNameTest, PrintsIpv6InItsCanonicalForm) {
  EXPECT_EQ(FromGroups({0, 0, 0, 0, 0, 0, 0, 0}), "::");
  EXPECT_EQ(FromGroups({0, 0, 0, 0, 0, 0, 0, 1}), "::1");
  EXPECT_EQ(FromGroups({1, 0, 0, 0, 0, 0, 0, 0}), "1::");
  EXPECT_EQ(FromGroups({0x2001, 0xdb8, 0, 0, 0, 0, 2, 1}), "2001:db8::2:1");
  EXPECT_EQ(FromGroups({0x2001, 0xdb8, 0, 1, 1, 1, 1, 1}),
            "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(FromGroups({0x2001, 0xdb8, 0, 0, 1, 0, 0, 1}), "2001:db8::1:0:0:1");
  EXPECT_EQ(FromGroups({0x2001, 0, 0, 1, 0, 0, 0, 1}), "2001:0:0:1::1");
  EXPECT_EQ(FromGroups({0xffff, 0xabcd, 0x123, 0x45, 0x6, 0xa0, 0xf, 0x8000}),
            "ffff:abcd:123:45:6:a0:f:8000");
  EXPECT_EQ(FromGroups({0, 1, 0, 0, 0, 0, 0, 0}), "0:1::");
}

}  // namespace
}  // namespace proxymeter::protocol
