#include "collector/policy/address_list.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/vendor_config.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

std::vector<std::string> Networks(const AddressList& list) {
  std::vector<std::string> texts;
  for (const auto& entry : list.entries4) {
    texts.push_back(std::to_string(entry.line) + ": " +
                    FormatCidr(CidrOf(entry)));
  }
  for (const auto& entry : list.entries6) {
    texts.push_back(std::to_string(entry.line) + ": " +
                    FormatCidr(CidrOf(entry)));
  }
  return texts;
}

std::string ErrorOf(std::string_view text,
                    const AddressListLimits& limits = {}) {
  const auto list = ParseAddressList(text, "exits.txt", limits);
  return list.ok() ? "" : std::string(list.status().message());
}

constexpr std::string_view kText =
    "\xef\xbb\xbf"
    "192.0.2.7\n"
    "# a comment\n"
    "\n"
    "  198.51.100.0/24  # another\r\n"
    "203.0.113.7 - 203.0.113.9\r\n"
    "2001:db8::/48\n"
    "2001:db8::1\n"
    "::ffff:192.0.2.8\n"
    "0.0.0.0/0#\n"
    "\t255.255.255.255";

const std::vector<std::string> kNetworks = {
    "1: 192.0.2.7/32",        "4: 198.51.100.0/24", "5: 203.0.113.7/32",
    "5: 203.0.113.8/31",      "8: 192.0.2.8/32",    "9: 0.0.0.0/0",
    "10: 255.255.255.255/32", "6: 2001:db8::/48",   "7: 2001:db8::1/128"};

TEST(AddressList, HasAddressesNetworksAndRanges) {
  const auto list = ParseAddressList(kText, "exits.txt");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(Networks(*list), kNetworks);
  EXPECT_EQ(list->path, "exits.txt");
}

class AddressListFile : public testing::Test {
 protected:
  std::string Path() const { return directory_.path() + "/exits.txt"; }
  void Write(std::string_view bytes) const {
    std::ofstream(Path(), std::ios::binary) << bytes;
  }
  void WriteGzip(std::string_view text) const {
    gzFile file = gzopen(Path().c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }

  const TestDirectory directory_;
};

TEST_F(AddressListFile, IsReadPlain) {
  Write(kText);
  const auto list = LoadAddressList(Path());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(Networks(*list), kNetworks);
}

TEST_F(AddressListFile, IsReadFromGzipWhateverItsName) {
  WriteGzip(kText);
  const auto list = LoadAddressList(Path());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(Networks(*list), kNetworks);
}

// Lines lie across the ends of all blocks.
TEST_F(AddressListFile, IsReadWholeWhenItIsLong) {
  std::string text;
  std::mt19937 random(1);
  std::vector<std::uint32_t> expected;
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    expected.push_back(bits);
    text += FormatCidr(CidrOf(AddressList::Entry4{bits, 0, 32}));
    text.resize(text.rfind('/'));
    text += i % 3 == 0 ? "\r\n" : "\n";
  }
  for (const bool gzip : {false, true}) {
    gzip ? WriteGzip(text) : Write(text);
    const auto list = LoadAddressList(Path());
    ASSERT_TRUE(list.ok()) << list.status();
    ASSERT_EQ(list->entries4.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(list->entries4[i].first, expected[i]);
      ASSERT_EQ(list->entries4[i].line, i + 1);
    }
  }
}

TEST_F(AddressListFile, CutShortIsAnError) {
  WriteGzip(std::string(kText) + "\n" + std::string(10'000, '#'));
  std::ifstream file(Path(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  for (const std::size_t cut : {bytes.size() - 1, bytes.size() / 2}) {
    Write(bytes.substr(0, cut));
    const auto list = LoadAddressList(Path());
    ASSERT_FALSE(list.ok());
    EXPECT_EQ(std::string(list.status().message()),
              Path() + ": gzip: the file is cut short");
  }
}

TEST_F(AddressListFile, DamagedIsAnError) {
  WriteGzip(std::string(kText));
  std::ifstream file(Path(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  bytes[bytes.size() - 6] ^= 1;  // of the checksum
  Write(bytes);
  const auto list = LoadAddressList(Path());
  ASSERT_FALSE(list.ok());
  EXPECT_TRUE(
      std::string(list.status().message()).starts_with(Path() + ": gzip: "))
      << list.status();
}

// Relative to the configuration, whatever the working directory.
TEST_F(AddressListFile, IsAConditionOfARule) {
  Write("# exits\n192.0.2.7\n2001:db8::/32\n");
  const std::string yaml =
      "version: 1\nvendors:\n  - name: acme\n    match:\n"
      "      - addresses: exits.txt\n        cidr: 10.0.0.0-10.0.0.2\n"
      "        port: 80\n      - addresses: [exits.txt, exits.txt]\n";
  const std::string path = directory_.path() + "/v.yaml";
  const auto config = ParseVendorConfig(yaml, path);
  ASSERT_TRUE(config.ok()) << config.status();
  const MatchRule& rule = config->vendors[0].match[0];
  ASSERT_EQ(rule.address_lists.size(), 1u);
  EXPECT_EQ(rule.address_lists[0]->path, Path());
  EXPECT_EQ(rule.address_lists[0]->size(), 2u);
  EXPECT_EQ(rule.cidrs, (std::vector<Cidr>{*ParseCidr("10.0.0.0/31"),
                                           *ParseCidr("10.0.0.2/32")}));
  EXPECT_EQ(config->vendors[0].match[1].address_lists.size(), 2u);
}

TEST_F(AddressListFile, IsNamedByTheRuleThatCannotHaveIt) {
  Write("192.0.2.7\nx\n");
  const auto error = [this](std::string_view file) {
    const std::string yaml =
        "version: 1\nvendors:\n  - name: acme\n    match:\n"
        "      - addresses: [" +
        std::string(file) + "]\n";
    const auto config = ParseVendorConfig(yaml, directory_.path() + "/v.yaml");
    return config.ok() ? "" : std::string(config.status().message());
  };
  const std::string place =
      directory_.path() +
      "/v.yaml:5:21: vendors[0].match[0].addresses[0]: " + directory_.path();
  EXPECT_EQ(error("exits.txt"),
            place +
                "/exits.txt:2: 'x' is no IPv4 or IPv6 address, network or "
                "range");
  EXPECT_EQ(error("none.txt"), place +
                                   "/none.txt: cannot be read: No such "
                                   "file or directory");
  EXPECT_EQ(error("."), place + "/.: not a regular file");
}

TEST_F(AddressListFile, MissingIsNotFound) {
  EXPECT_EQ(LoadAddressList(Path()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(LoadAddressList(directory_.path()).ok());
}

// Gzip makes much text of few bytes.
TEST_F(AddressListFile, OfTooMuchTextIsRefused) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "192.0.2.1\n";
  WriteGzip(text);
  AddressListLimits limits;
  limits.bytes = text.size() - 1;
  const auto list = LoadAddressList(Path(), limits);
  EXPECT_EQ(list.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(list.status().message()),
            Path() + ": more than 999999 bytes of text");
  limits.bytes = text.size();
  EXPECT_TRUE(LoadAddressList(Path(), limits).ok());
}

TEST(AddressList, OfTooManyEntriesIsRefused) {
  AddressListLimits limits;
  limits.entries = 3;
  EXPECT_EQ(ErrorOf("192.0.2.1\n::1\n192.0.2.2\n", limits), "");
  EXPECT_EQ(ErrorOf("192.0.2.1\n::1\n192.0.2.2\n::2\n", limits),
            "exits.txt:4: more than 3 entries");
  // A range is as many as its networks.
  EXPECT_EQ(ErrorOf("192.0.2.1-192.0.2.8\n", limits),
            "exits.txt:1: more than 3 entries");
}

struct Mistake {
  std::string text;
  std::string message;
};

class AddressListMistake : public testing::TestWithParam<Mistake> {};

TEST_P(AddressListMistake, IsNamedWithItsLine) {
  EXPECT_EQ(ErrorOf(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, AddressListMistake,
    testing::Values(
        Mistake{"192.0.2.1\ngw.example\n",
                "exits.txt:2: 'gw.example' is no IPv4 or IPv6 address, network "
                "or range"},
        Mistake{"1.2.3.4 5.6.7.8",
                "exits.txt:1: '1.2.3.4 5.6.7.8' is no IPv4 or IPv6 address, "
                "network or range"},
        Mistake{"01.2.3.4",
                "exits.txt:1: '01.2.3.4' is no IPv4 or IPv6 address, network "
                "or range"},
        Mistake{"1.2.3.256",
                "exits.txt:1: '1.2.3.256' is no IPv4 or IPv6 address, network "
                "or range"},
        Mistake{"1.2.3.1234",
                "exits.txt:1: '1.2.3.1234' is no IPv4 or IPv6 address, network "
                "or range"},
        Mistake{"1.2.3",
                "exits.txt:1: '1.2.3' is no IPv4 or IPv6 address, network or "
                "range"},
        Mistake{std::string("1.2.3.4\0", 8),
                "exits.txt:1: '1.2.3.4\\x00' is no IPv4 or IPv6 address, "
                "network or range"},
        Mistake{"#\n#\n10.0.0.0/33",
                "exits.txt:3: '10.0.0.0/33' is not a CIDR: prefix length over "
                "32"},
        Mistake{"10.0.0.1/8",
                "exits.txt:1: '10.0.0.1/8' is not a CIDR: bits are set beyond "
                "the prefix; the network is 10.0.0.0/8"},
        Mistake{"10.0.0.9-10.0.0.1",
                "exits.txt:1: '10.0.0.9-10.0.0.1' is not an address range: it "
                "ends below its start"},
        Mistake{std::string(100, 'x') + "/8",
                "exits.txt:1: '" + std::string(80, 'x') +
                    "...' is not a CIDR: no IPv4 or IPv6 address"},
        Mistake{"192.0.2.1\n" + std::string(4097, ' ') + "\n",
                "exits.txt:2: a line over 4096 bytes"},
        Mistake{std::string(5000, ' '), "exits.txt:1: a line over 4096 bytes"},
        Mistake{"# nothing\n\n", "exits.txt: no address in it"},
        Mistake{"", "exits.txt: no address in it"}));

}  // namespace
}  // namespace proxymeter::collector
