#include "proxymeter/policy_view.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"

namespace proxymeter {
namespace {

using collector::CompilePolicy;
using collector::ParseVendorConfig;

std::vector<std::byte> Compile(std::string_view yaml) {
  const auto config = ParseVendorConfig(yaml, "vendors.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *CompilePolicy(*config) : std::vector<std::byte>();
}

constexpr std::string_view kConfig = R"(version: 1
call_sites: sampled
vendors:
  - name: bright
    match:
      - host: brd.superproxy.io
        port: [33335, 22225]
      - host: "*.superproxy.io"
      - host: "*.eu.superproxy.io"
  - name: addresses
    match:
      - cidr: [203.0.113.0/24, "2001:db8::/32"]
        port: [8080, "9000-9999"]
      - cidr: 203.0.113.0/24
      - cidr: 203.0.0.0/16
        port: 8080
      - host: [203.0.113.9, "2001:db8::9"]
      - port: 24000
  - name: both
    match:
      - host: gw.both.example
        cidr: [198.51.100.0/24, "2001:db8:1::/48"]
      - host: gw.both.example
        port: 80
  - name: late
    match:
      - host: gw.both.example
      - host: brd.superproxy.io
      - port: [24000-24001, 33335]
      - cidr: "::/0"
        port: 5
)";

TEST(PolicyView, PrefersTheMostSpecificRule) {
  const Address elsewhere = MappedIpv4(192, 0, 2, 1);
  const Address in24 = MappedIpv4(203, 0, 113, 1);
  const Address in16 = MappedIpv4(203, 0, 1, 1);
  const Address literal = MappedIpv4(203, 0, 113, 9);
  const Address both = MappedIpv4(198, 51, 100, 1);
  const Address v6{0x20, 0x01, 0x0d, 0xb8, 0, 2};
  const Address both6{0x20, 0x01, 0x0d, 0xb8, 0, 1};
  Address literal6 = v6;
  literal6[5] = 0;
  literal6[15] = 9;
  const struct {
    std::vector<std::string_view> hosts;
    Address address;
    std::uint16_t port;
    std::string_view rule;  // empty: nothing matches
  } cases[] = {
      // Exact host with port, then without, then the suffixes.
      {{"brd.superproxy.io"}, elsewhere, 33335, "vendors[0].match[0]"},
      {{"brd.superproxy.io"}, elsewhere, 1, "vendors[3].match[1]"},
      {{"BRD.SuperProxy.IO."}, elsewhere, 22225, "vendors[0].match[0]"},
      {{"x.superproxy.io"}, elsewhere, 33335, "vendors[0].match[1]"},
      {{"a.b.superproxy.io"}, elsewhere, 1, "vendors[0].match[1]"},
      {{"a.eu.superproxy.io"}, elsewhere, 1, "vendors[0].match[2]"},
      {{"eu.superproxy.io"}, elsewhere, 1, "vendors[0].match[1]"},
      {{"superproxy.io"}, elsewhere, 1, ""},
      {{"xsuperproxy.io"}, elsewhere, 1, ""},
      {{".superproxy.io"}, elsewhere, 1, ""},
      {{"superproxy.io.evil.example"}, elsewhere, 1, ""},
      {{"brd.superproxy.io.."}, elsewhere, 1, ""},
      {{"", "."}, elsewhere, 1, ""},
      // Among several names the most specific counts, wherever it stands.
      {{"x.superproxy.io", "a.eu.superproxy.io", "other.example"},
       elsewhere,
       1,
       "vendors[0].match[2]"},
      {{"a.eu.superproxy.io", "brd.superproxy.io"},
       elsewhere,
       1,
       "vendors[3].match[1]"},
      // Hosts go before addresses, addresses before ports.
      {{"x.superproxy.io"}, in24, 8080, "vendors[0].match[1]"},
      {{"unknown.example"}, in24, 8080, "vendors[1].match[0]"},
      {{}, in24, 9000, "vendors[1].match[0]"},
      {{}, in24, 9999, "vendors[1].match[0]"},
      {{}, in24, 10000, "vendors[1].match[1]"},
      {{}, in24, 24000, "vendors[1].match[1]"},
      {{}, in16, 8080, "vendors[1].match[2]"},
      {{}, in16, 8081, ""},
      {{}, literal, 8080, "vendors[1].match[3]"},
      {{}, v6, 8080, "vendors[1].match[0]"},
      {{}, v6, 8081, ""},
      {{}, literal6, 8081, "vendors[1].match[3]"},
      {{}, v6, 5, "vendors[3].match[3]"},
      {{}, in16, 5, ""},  // ::/0 is no IPv4
      {{}, elsewhere, 24000, "vendors[1].match[4]"},
      {{}, elsewhere, 24001, "vendors[3].match[2]"},
      {{}, elsewhere, 33335, "vendors[3].match[2]"},
      {{}, elsewhere, 0, ""},
      // Host and network together; a port condition goes first.
      {{"gw.both.example"}, both, 80, "vendors[2].match[1]"},
      {{"gw.both.example"}, both, 81, "vendors[2].match[0]"},
      {{"gw.both.example"}, both6, 81, "vendors[2].match[0]"},
      {{"gw.both.example"}, elsewhere, 81, "vendors[3].match[0]"},
      {{"gw.both.example"}, v6, 81, "vendors[3].match[0]"},
      {{}, both, 81, ""},
  };
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  for (const auto& c : cases) {
    const PolicyView::Match match = view.Find({c.address, c.port}, c.hosts);
    const std::string text(match.found ? view.RuleText(match.rule) : "");
    EXPECT_EQ(text.substr(0, text.find(' ')), c.rule)
        << (c.hosts.empty() ? "" : c.hosts[0]) << " port " << c.port;
    EXPECT_EQ(match.vendor.empty(), !match.found);
  }
}

TEST(PolicyView, TellsVendorAndPlaceOfARule) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  const PolicyView::Match match =
      view.Find({MappedIpv4(192, 0, 2, 1), 24000}, {});
  ASSERT_TRUE(match.found);
  EXPECT_EQ(match.vendor, "addresses");
  EXPECT_EQ(view.RuleText(match.rule), "vendors[1].match[4] (vendors.yaml:18)");
  EXPECT_EQ(view.RuleText(1000), "");
}

TEST(PolicyView, NamesOnlyHostsThatRulesMention) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  for (const std::string_view host :
       {"brd.superproxy.io", "x.superproxy.io", "A.B.EU.SUPERPROXY.IO.",
        "gw.both.example"}) {
    EXPECT_TRUE(view.NamesHost(host)) << host;
  }
  for (const std::string_view host :
       {"", ".", "superproxy.io", "io", "203.0.113.9", "both.example",
        "x.gw.both.example"}) {
    EXPECT_FALSE(view.NamesHost(host)) << host;
  }
  // A suffix does not make up for a name that is too long to exist.
  const std::string end = ".superproxy.io";
  EXPECT_TRUE(view.NamesHost(std::string(253 - end.size(), 'x') + end));
  EXPECT_FALSE(view.NamesHost(std::string(254 - end.size(), 'x') + end));
}

TEST(PolicyView, MatchesNothingUnlessOpened) {
  constexpr PolicyView kView;
  const std::string_view host = "brd.superproxy.io";
  EXPECT_FALSE(kView.NamesHost(host));
  EXPECT_FALSE(kView.Find({MappedIpv4(203, 0, 113, 1), 80}, {&host, 1}).found);
  EXPECT_EQ(kView.RuleText(0), "");
}

// A block of exactly the file's size, so that AddressSanitizer sees any read
// beyond it; 8-byte aligned as a mapping is.
class Block {
 public:
  Block(const std::vector<std::byte>& file, std::size_t size)
      : size_(size), bytes_(new std::byte[size == 0 ? 1 : size]) {
    std::memcpy(bytes_.get(), file.data(), size);
  }
  std::span<const std::byte> span() const { return {bytes_.get(), size_}; }
  std::byte& operator[](std::size_t i) { return bytes_[i]; }

  template <typename Value>
  Value Get(std::size_t offset) const {
    Value value;
    std::memcpy(&value, bytes_.get() + offset, sizeof(value));
    return value;
  }
  template <typename Value>
  void Set(std::size_t offset, Value value) {
    std::memcpy(bytes_.get() + offset, &value, sizeof(value));
  }
  void Seal() { Set(offsetof(PolicyHeader, checksum), PolicyChecksum(span())); }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

// Asks for everything; what it reads of the answers must lie in the block.
void LookEverythingUp(const PolicyView& view, std::span<const std::byte> file) {
  const auto inside = [file](std::string_view text) {
    const auto* begin = reinterpret_cast<const char*>(file.data());
    return text.empty() || (text.data() >= begin &&
                            text.data() + text.size() <= begin + file.size());
  };
  const std::string_view hosts[] = {"brd.superproxy.io", "a.eu.superproxy.io",
                                    "gw.both.example"};
  const Address addresses[] = {
      MappedIpv4(203, 0, 113, 9),  MappedIpv4(203, 0, 1, 1),
      MappedIpv4(198, 51, 100, 1), MappedIpv4(255, 255, 255, 255),
      {0x20, 0x01, 0x0d, 0xb8},    {0x20, 0x01, 0x0d, 0xb8, 0, 1}};
  for (const std::string_view host : hosts) view.NamesHost(host);
  view.Setting(PolicySettingKind::kCallSites);
  for (const Address& address : addresses) {
    for (const std::uint16_t port : {5, 80, 8080, 24000, 33335}) {
      for (const std::size_t count : {0, 1, 3}) {
        const PolicyView::Match match =
            view.Find({address, port}, {hosts, count});
        ASSERT_TRUE(inside(match.vendor));
        ASSERT_LE(match.vendor.size(), kMaxVendorLength);
        ASSERT_TRUE(inside(view.RuleText(match.rule)));
      }
    }
  }
}

TEST(PolicyView, RefusesEveryTruncation) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  for (std::size_t size = 0; size < policy.size(); ++size) {
    const Block block(policy, size);
    ASSERT_EQ(PolicyView::Open(block.span(), &view), PolicyError::kTooShort)
        << size;
  }
}

// A shorter file that claims to be whole: its sections hang over the end.
TEST(PolicyView, RefusesTruncationsThatAreSealedAnew) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  for (std::size_t size = sizeof(PolicyHeader); size < policy.size();
       size += 8) {
    Block block(policy, size);
    block.Set(offsetof(PolicyHeader, file_bytes), std::uint64_t{size});
    block.Seal();
    ASSERT_EQ(PolicyView::Open(block.span(), &view), PolicyError::kBadLayout)
        << size;
  }
}

TEST(PolicyView, RefusesEverySingleBitFlip) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  for (std::size_t bit = 0; bit < policy.size() * 8; ++bit) {
    Block block(policy, policy.size());
    block[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_NE(PolicyView::Open(block.span(), &view), PolicyError::kOk) << bit;
  }
}

TEST(PolicyView, StaysInBoundsWhenDamagePassesTheChecksum) {
  const std::vector<std::byte> policy = Compile(kConfig);
  constexpr std::size_t kBody =
      sizeof(PolicyHeader) + kLastPolicySectionKind * sizeof(PolicySection);
  std::mt19937 random(20240501);
  int opened = 0;
  for (int round = 0; round < 6000; ++round) {
    SCOPED_TRACE(round);
    Block block(policy, policy.size());
    // Behind the section table half of the time, which otherwise takes most
    // of the damage out of the lookups' sight.
    const std::size_t begin = round % 2 == 0 ? sizeof(PolicyHeader) : kBody;
    for (std::uint32_t i = random() % 8;; --i) {
      const std::size_t at = begin + random() % (policy.size() - begin);
      static constexpr std::uint8_t kBytes[] = {0, 1, 0x7f, 0x80, 0xff};
      block[at] = random() % 2 == 0
                      ? static_cast<std::byte>(kBytes[random() % 5])
                      : block[at] ^ static_cast<std::byte>(1 << random() % 8);
      if (i == 0) break;
    }
    block.Seal();
    PolicyView view;
    if (PolicyView::Open(block.span(), &view) != PolicyError::kOk) continue;
    ++opened;
    LookEverythingUp(view, block.span());
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(opened, 1000);
}

// The file is shared: it may change after it was opened.
TEST(PolicyView, StaysInBoundsWhenTheFileChangesUnderIt) {
  const std::vector<std::byte> policy = Compile(kConfig);
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    Block block(policy, policy.size());
    PolicyView view;
    ASSERT_EQ(PolicyView::Open(block.span(), &view), PolicyError::kOk);
    for (std::size_t at = random() % 16; at < policy.size();
         at += 1 + random() % 32) {
      block[at] = static_cast<std::byte>(random());
    }
    LookEverythingUp(view, block.span());
    if (HasFatalFailure()) return;
  }
}

TEST(PolicyView, SaysWhyAFileIsRefused) {
  const std::vector<std::byte> policy = Compile(kConfig);
  const auto opened_after = [&](auto change) {
    Block block(policy, policy.size());
    change(block);
    block.Seal();
    PolicyView view;
    return PolicyView::Open(block.span(), &view);
  };
  constexpr std::size_t kFirst = sizeof(PolicyHeader);
  constexpr std::size_t kSecond = kFirst + sizeof(PolicySection);
  EXPECT_EQ(opened_after([](Block&) {}), PolicyError::kOk);
  // The magic as a machine of the other byte order would read it.
  EXPECT_EQ(
      opened_after([](Block& b) { b.Set(0, __builtin_bswap64(kPolicyMagic)); }),
      PolicyError::kBadMagic);
  EXPECT_EQ(opened_after([](Block& b) {
              b.Set(offsetof(PolicyHeader, version), kPolicyVersion + 1);
            }),
            PolicyError::kBadVersion);
  EXPECT_EQ(opened_after([](Block& b) {
              b.Set(offsetof(PolicyHeader, section_count),
                    std::uint32_t{kMaxPolicySections + 1});
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([&](Block& b) {
              b.Set(offsetof(PolicyHeader, file_bytes),
                    std::uint64_t{policy.size() - 8});
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([](Block& b) {  // twice the same kind
              b.Set(kSecond, b.Get<std::uint32_t>(kFirst));
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([](Block& b) {
              b.Set(kFirst + offsetof(PolicySection, stride), std::uint32_t{2});
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([](Block& b) {
              b.Set(kFirst + offsetof(PolicySection, offset),
                    ~std::uint64_t{7});
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([](Block& b) {  // count * stride would wrap
              b.Set(kSecond + offsetof(PolicySection, count),
                    std::uint64_t{1} << 61);
            }),
            PolicyError::kBadLayout);
  EXPECT_EQ(opened_after([](Block& b) {
              const std::size_t at = kFirst + offsetof(PolicySection, offset);
              b.Set(at, b.Get<std::uint64_t>(at) + 4);
            }),
            PolicyError::kBadLayout);
}

TEST(PolicyView, PassesOverSectionsOfUnknownKind) {
  const std::vector<std::byte> policy = Compile(kConfig);
  Block block(policy, policy.size());
  const std::size_t last =
      sizeof(PolicyHeader) +
      (block.Get<std::uint32_t>(offsetof(PolicyHeader, section_count)) - 1) *
          sizeof(PolicySection);
  block.Set(last, kLastPolicySectionKind + 1);
  block.Seal();
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(block.span(), &view), PolicyError::kOk);
  EXPECT_TRUE(view.Find({MappedIpv4(203, 0, 113, 1), 80}, {}).found);
}

TEST(PolicyView, SettingsAreZeroUnlessTheyAreThere) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  EXPECT_EQ(view.Setting(PolicySettingKind::kCallSites), 0u);
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  EXPECT_EQ(view.Setting(PolicySettingKind::kCallSites),
            static_cast<std::uint32_t>(PolicyCallSites::kSampled));
  EXPECT_EQ(view.Setting(static_cast<PolicySettingKind>(2)), 0u);
}

TEST(PolicyView, LeavesTheOldViewWhenItRefuses) {
  const std::vector<std::byte> policy = Compile(kConfig);
  PolicyView view;
  ASSERT_EQ(PolicyView::Open(policy, &view), PolicyError::kOk);
  Block damaged(policy, policy.size());
  damaged[policy.size() - 1] ^= std::byte{1};
  ASSERT_EQ(PolicyView::Open(damaged.span(), &view), PolicyError::kBadChecksum);
  EXPECT_TRUE(view.NamesHost("brd.superproxy.io"));
}

}  // namespace
}  // namespace proxymeter
