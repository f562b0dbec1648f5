#include "collector/policy/policy_compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/judgement.h"
#include "collector/policy/reference_policy.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::collector {
namespace {

PolicyView Open(const std::vector<std::byte>& policy) {
  PolicyView view;
  const PolicyError error = PolicyView::Open(policy, &view);
  EXPECT_EQ(error, PolicyError::kOk) << Describe(error);
  return view;
}

TEST(CompilePolicy, SaysWhetherCallSitesAreAskedFor) {
  VendorConfig config;
  const auto setting = [&] {
    const std::vector<std::byte> policy = *CompilePolicy(config);
    return Open(policy).Setting(PolicySettingKind::kCallSites);
  };
  EXPECT_EQ(setting(), static_cast<std::uint32_t>(PolicyCallSites::kOff));
  config.call_sites = CallSites::kSampled;
  EXPECT_EQ(setting(), static_cast<std::uint32_t>(PolicyCallSites::kSampled));
}

// Names, addresses and ports from few values, so that rules collide, nest and
// differ in one condition only.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  int Below(int limit) {
    return static_cast<int>(random_() % static_cast<std::uint32_t>(limit));
  }
  bool OneIn(int n) { return Below(n) == 0; }

  std::string Host() {
    static constexpr std::string_view kLabels[] = {"a", "b", "cc", "d-1"};
    std::string host = OneIn(2) ? "io" : "net";
    for (int i = Below(4); i > 0; --i) {
      host = std::string(kLabels[Below(4)]) + "." + host;
    }
    return host;
  }

  // Bits come out equal often, so that short and long prefixes nest.
  Address AnyAddress() {
    Address address =
        OneIn(2) ? MappedIpv4(0, 0, 0, 0) : Address{0x20, 0x01, 0x0d, 0xb8};
    const int first = IsIpv4(address) ? 12 : 4;
    for (int i = first; i < 16; ++i) {
      static constexpr std::uint8_t kBytes[] = {0, 1, 0x80, 0xff};
      address[i] = kBytes[Below(4)];
    }
    if (OneIn(20)) address = {};
    if (OneIn(20)) address.fill(0xff);
    return address;
  }

  Cidr AnyCidr() {
    const Address address = AnyAddress();
    const int lowest = IsIpv4(address) ? 96 : 0;
    int prefix = lowest + Below(129 - lowest);
    if (OneIn(3)) prefix = 128;
    Cidr cidr{address, static_cast<std::uint8_t>(prefix)};
    for (int bit = prefix; bit < 128; ++bit) {
      cidr.network[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    }
    return cidr;
  }

  std::vector<PortRange> Ports() {
    std::vector<PortRange> ports;
    for (int i = Below(3); i >= 0; --i) {
      const int first = OneIn(10) ? 65530 : 1 + Below(40);
      ports.push_back({static_cast<std::uint16_t>(first),
                       static_cast<std::uint16_t>(first + Below(6))});
    }
    return MergePorts(std::move(ports));
  }

  // Some that a rule's pattern holds for, others that it nearly does.
  std::string User() {
    static constexpr std::string_view kUsers[] = {
        "brd-customer-a-b-zone-dc",
        "BRD-customer-c-zone-resi-country-us",
        "user-x",
        "user-x-country-de",
        "brd-customer-",
        ""};
    return std::string(kUsers[Below(6)]);
  }

  std::string UserPattern() {
    static constexpr std::string_view kPatterns[] = {
        "*",        "brd-*", "brd-customer-{customer}-zone-{zone}",
        "user-{u}", "{any}", "user-{u}[-country-{country}]"};
    return std::string(kPatterns[Below(6)]);
  }

  MatchRule Rule() {
    MatchRule rule;
    // Of host 1, cidr 2, port 4, user 8; never none.
    const int shape = OneIn(2) ? Below(7) : Below(15);
    if ((shape + 1) & 1) {
      for (int i = Below(3); i >= 0; --i) {
        if (OneIn(4)) {
          rule.host_addresses.push_back({AnyAddress(), 128});
        } else {
          rule.hosts.push_back({Host(), OneIn(2)});
        }
      }
    }
    if ((shape + 1) & 2) {
      for (int i = Below(4); i >= 0; --i) rule.cidrs.push_back(AnyCidr());
    }
    if ((shape + 1) & 4) rule.ports = Ports();
    if ((shape + 1) & 8) rule.user = UserPattern();
    return rule;
  }

  VendorConfig Config() {
    VendorConfig config;
    config.file_name = "random.yaml";
    for (int v = Below(6); v >= 0; --v) {
      Vendor vendor;
      vendor.name = "vendor" + std::to_string(config.vendors.size());
      for (int m = Below(12); m >= 0; --m) vendor.match.push_back(Rule());
      config.vendors.push_back(std::move(vendor));
    }
    return config;
  }

  // Addresses at, in and just outside the rules' networks.
  Address AddressNear(const VendorConfig& config) {
    const Vendor& vendor =
        config.vendors[Below(static_cast<int>(config.vendors.size()))];
    if (vendor.match.empty()) return AnyAddress();
    const MatchRule& rule =
        vendor.match[Below(static_cast<int>(vendor.match.size()))];
    if (rule.cidrs.empty() || OneIn(3)) return AnyAddress();
    const Cidr& cidr = rule.cidrs[Below(static_cast<int>(rule.cidrs.size()))];
    switch (Below(4)) {
      case 0:
        return cidr.network;
      case 1:
        return LastAddress(cidr);
      case 2:
        return Stepped(cidr.network, 0x00, 0xff);
      default:
        return Stepped(LastAddress(cidr), 0xff, 0x00);
    }
  }

  std::string Spelled(std::string host) {
    for (char& c : host) {
      if (OneIn(3) && c >= 'a' && c <= 'z') {
        c = static_cast<char>(c - 'a' + 'A');
      }
    }
    if (OneIn(4)) host += '.';
    return host;
  }

 private:
  // One below (0x00 borrows as 0xff) or one above (0xff carries as 0x00).
  static Address Stepped(Address address, std::uint8_t carry,
                         std::uint8_t wrapped) {
    for (int i = 15; i >= 0; --i) {
      const bool carries = address[i] == carry;
      address[i] = carries ? wrapped
                           : static_cast<std::uint8_t>(
                                 carry == 0 ? address[i] - 1 : address[i] + 1);
      if (!carries) break;
    }
    return address;
  }

  std::mt19937 random_;
};

const MatchRule& RuleOf(const VendorConfig& config, std::uint32_t rule) {
  for (const Vendor& vendor : config.vendors) {
    if (rule < vendor.match.size()) return vendor.match[rule];
    rule -= static_cast<std::uint32_t>(vendor.match.size());
  }
  throw std::out_of_range("rule");
}

// As `proxymeter explain` finds it.
std::optional<std::uint32_t> JudgedFind(const VendorConfig& config,
                                        const Shown& shown) {
  std::optional<Rank> best;
  std::uint32_t position = 0;
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      const Judgement judgement = Judge(rule, position++, shown);
      if (judgement.rank.has_value() &&
          (!best.has_value() || *best < *judgement.rank)) {
        best = judgement.rank;
      }
    }
  }
  if (!best.has_value()) return std::nullopt;
  return best->position;
}

// Rules that claim what another vendor has cannot be compiled.
VendorConfig WithoutConflicts(VendorConfig config) {
  for (;;) {
    const auto conflicts = ReferenceConflicts(config);
    if (conflicts.empty()) return config;
    EXPECT_FALSE(CompilePolicy(config).ok());
    std::uint32_t index = conflicts.front().later;
    std::size_t v = 0;
    for (; index >= config.vendors[v].match.size(); ++v) {
      index -= static_cast<std::uint32_t>(config.vendors[v].match.size());
    }
    config.vendors[v].match.erase(config.vendors[v].match.begin() + index);
  }
}

// Policies to be made, 200 look-ups each; for a long run by hand, millions.
std::uint32_t Seeds() {
  const char* const wanted = std::getenv("PROXYMETER_POLICY_SEEDS");
  return wanted == nullptr
             ? 400
             : static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10));
}

TEST(CompilePolicy, AgreesWithTheObviousImplementation) {
  int by_outcome[2] = {};
  int by_user = 0;
  for (std::uint32_t seed = 1; seed <= Seeds(); ++seed) {
    SCOPED_TRACE(seed);
    Generator generator(seed);
    const VendorConfig config = WithoutConflicts(generator.Config());
    const auto compiled = CompilePolicy(config, seed % 8 == 0 ? 1 : 1000);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    const std::vector<std::byte>& policy = *compiled;
    const PolicyView view = Open(policy);
    for (int i = 0; i < 200; ++i) {
      std::vector<std::string> names;
      for (int n = generator.Below(4); n > 0; --n) {
        names.push_back(generator.Spelled(generator.Host()));
      }
      const std::vector<std::string_view> hosts(names.begin(), names.end());
      const Endpoint endpoint{
          generator.AddressNear(config),
          static_cast<std::uint16_t>(generator.OneIn(10)
                                         ? 65530 + generator.Below(6)
                                         : generator.Below(50))};
      const std::string user = generator.OneIn(2) ? "" : generator.User();
      const auto expected = ReferenceFind(config, endpoint, hosts, user);
      const PolicyView::Match match = view.Find({endpoint, hosts, user});
      if (match.found && RuleOf(config, match.rule).user != "") {
        ++by_user;
        ASSERT_TRUE(view.MayDependOnUser(endpoint, hosts));
      }
      ASSERT_EQ(match.found, expected.has_value());
      const auto judged = JudgedFind(config, {endpoint, hosts, user});
      ASSERT_EQ(judged.has_value(), expected.has_value());
      if (judged.has_value()) {
        ASSERT_EQ(*judged, expected->rule);
      }
      ++by_outcome[match.found];
      for (const std::string_view host : hosts) {
        ASSERT_EQ(view.NamesHost(host), ReferenceNamesHost(config, host))
            << host;
      }
      if (!match.found) continue;
      ASSERT_EQ(match.rule, expected->rule);
      ASSERT_EQ(match.vendor, expected->vendor);
    }
  }
  // Neither outcome may be so rare that the comparison says little.
  EXPECT_GT(by_outcome[false], 5000);
  EXPECT_GT(by_outcome[true], 5000);
  EXPECT_GT(by_user, 5000);
}

TEST(CompilePolicy, KeepsWhatIsNotARule) {
  VendorConfig config;
  config.vendor_header = true;
  config.filters.inside = {{MappedIpv4(10, 0, 0, 0), 104}, {Address{0xfd}, 8}};
  config.filters.left_ports = {{5432, 5432}, {6000, 6100}};
  config.filters.processes = Filters::Processes::kExcept;
  config.filters.process_names = {"node_exporter"};
  Vendor vendor;
  vendor.name = "acme";
  vendor.user_names = {"acme-{customer}[-zone-{zone}][-session-{session}]"};
  vendor.passwords = {"{password}[_country-{country}]"};
  vendor.labels = {"zone", "country"};
  config.vendors = {vendor};
  const std::vector<std::byte> policy = *CompilePolicy(config);
  const PolicyView view = Open(policy);
  EXPECT_EQ(view.Setting(PolicySettingKind::kVendorHeader), 1u);
  EXPECT_TRUE(view.Inside(MappedIpv4(10, 1, 2, 3)));
  EXPECT_FALSE(view.Inside(MappedIpv4(192, 168, 0, 1)));
  EXPECT_TRUE(view.Inside(Address{0xfd, 1}));
  EXPECT_FALSE(view.Inside(Address{0xfe, 0x80}));
  EXPECT_TRUE(view.LeavesPort(6050));
  EXPECT_FALSE(view.LeavesPort(6101));
  EXPECT_FALSE(view.MetersProcess("node_exporter"));
  EXPECT_TRUE(view.MetersProcess("python3"));

  const PolicyView::Match match = view.FindVendor("acme");
  ASSERT_TRUE(match.found);
  EXPECT_FALSE(view.FindVendor("acm").found);
  EXPECT_FALSE(view.FindVendor("").found);
  EXPECT_EQ(view.LabelNames(match.vendor_index), "zone,country");
  GrammarValues values;
  EXPECT_TRUE(view.Read(match.vendor_index, "acme-me-zone-dc-session-7",
                        "secret_country-de", &values));
  EXPECT_EQ(values.Find("zone"), "dc");
  EXPECT_EQ(values.Find("country"), "de");
  values.Clear();
  EXPECT_FALSE(view.Read(match.vendor_index, "other-me", "", &values));
  EXPECT_EQ(values.Find("zone"), "");
}

std::shared_ptr<const AddressList> List(std::string_view text,
                                        std::string_view path) {
  auto list = ParseAddressList(text, path);
  EXPECT_TRUE(list.ok()) << list.status();
  return std::make_shared<const AddressList>(*std::move(list));
}

TEST(CompilePolicy, NamesBothRulesThatClaimANetwork) {
  VendorConfig config;
  config.file_name = "v.yaml";
  config.vendors.resize(3);
  for (std::size_t v = 0; v < 3; ++v) {
    config.vendors[v].name = "vendor" + std::to_string(v);
    config.vendors[v].match.resize(1);
    config.vendors[v].match[0].line = static_cast<int>(10 * v + 1);
  }
  MatchRule& first = config.vendors[0].match[0];
  MatchRule& second = config.vendors[1].match[0];
  first.address_lists = {List("192.0.2.0/24\n192.0.2.7\n", "a.txt"),
                         List("\n\n10.0.0.7\n2001:db8::/32\n", "b.txt")};
  second.address_lists = {List("192.0.2.0/25\n10.0.0.8\n", "c.txt")};
  config.vendors[2].match[0].hosts = {{"gw.example", false}};
  EXPECT_TRUE(CompilePolicy(config).ok());

  const auto error = [&] {
    const auto policy = CompilePolicy(config);
    return policy.ok() ? "" : std::string(policy.status().message());
  };
  second.address_lists.push_back(
      List("# x\n10.0.0.6-10.0.0.7\n10.0.0.7\n"
           "192.0.2.7\n2001:db8::/32\n",
           "d.txt"));
  EXPECT_EQ(error(),
            "v.yaml:11: vendors[1].match[0], d.txt:3: overlapping: "
            "'10.0.0.7/32' already belongs to vendor 'vendor0' (v.yaml:1: "
            "vendors[0].match[0], b.txt:3); and 2 more networks");
  // With another port there is no conflict, with the same one there is.
  second.ports = {{80, 80}};
  EXPECT_EQ(error(), "");
  first.ports = {{80, 80}};
  second.address_lists = {List("2001:db8::/32\n", "d.txt")};
  EXPECT_EQ(error(),
            "v.yaml:11: vendors[1].match[0], d.txt:1: overlapping: "
            "'2001:db8::/32' with port 80 already belongs to vendor 'vendor0' "
            "(v.yaml:1: vendors[0].match[0], b.txt:4)");
  // What stands in the configuration itself has no list.
  second.address_lists.clear();
  second.cidrs = {*ParseCidr("192.0.2.7/32")};
  EXPECT_EQ(error(),
            "v.yaml:11: vendors[1].match[0]: overlapping: '192.0.2.7/32' with "
            "port 80 already belongs to vendor 'vendor0' (v.yaml:1: "
            "vendors[0].match[0], a.txt:2)");
}

// Enough single addresses for buckets of all shapes, amid networks, with few
// rules and with so many that targets are two and four bytes wide. Near what
// is listed as well as far from it.
TEST(CompilePolicy, FindsEveryAddressOfLongLists) {
  for (const int rules : {3, 400, 70'000}) {
    SCOPED_TRACE(rules);
    std::mt19937 random(static_cast<std::uint32_t>(rules));
    std::map<std::uint32_t, std::uint32_t> owners4;
    std::map<std::array<std::uint8_t, 16>, std::uint32_t> owners6;
    std::vector<AddressList> lists(static_cast<std::size_t>(rules));
    for (std::uint32_t i = 0; i < 80'000; ++i) {
      const std::uint32_t rule = i % static_cast<std::uint32_t>(rules);
      // Half of them in a /12, so that neighbours are there too.
      const auto bits = static_cast<std::uint32_t>(random());
      const std::uint32_t first = i % 2 == 0 ? bits : 0x0a000000 | bits >> 12;
      if (owners4.emplace(first, rule).second) {
        lists[rule].entries4.push_back({first, i + 1, 32});
      }
      if (i % 4 != 0) continue;
      Address address{0x20, 0x01, 0x0d, 0xb8};
      for (const int byte : {4, 5, 14, 15}) {
        address[byte] = static_cast<std::uint8_t>(random());
      }
      if (owners6.emplace(address, rule).second) {
        lists[rule].entries6.push_back({address, i + 1, 128});
      }
    }
    VendorConfig config;
    config.vendors.resize(2);
    config.vendors[0].name = "listed";
    for (AddressList& list : lists) {
      config.vendors[0].match.emplace_back().address_lists = {
          std::make_shared<const AddressList>(std::move(list))};
    }
    config.vendors[1].name = "around";
    config.vendors[1].match.resize(1);
    config.vendors[1].match[0].cidrs = {*ParseCidr("10.0.0.0/13"),
                                        *ParseCidr("2001:db8::/33")};
    for (const std::size_t min_tabled : {std::size_t{1}, kMinTabledHosts4}) {
      const auto policy = CompilePolicy(config, min_tabled);
      ASSERT_TRUE(policy.ok()) << policy.status();
      const PolicyView view = Open(*policy);
      const auto expect = [&](const Address& address,
                              std::optional<std::uint32_t> owner, bool around) {
        const PolicyView::Match match = view.Find({address, 80}, {});
        ASSERT_EQ(match.found, owner.has_value() || around);
        if (!match.found) return;
        ASSERT_EQ(match.rule,
                  owner.value_or(static_cast<std::uint32_t>(rules)));
      };
      const auto expect4 = [&](std::uint32_t bits) {
        const auto found = owners4.find(bits);
        expect(CidrOf(AddressList::Entry4{bits, 0, 32}).network,
               found == owners4.end() ? std::nullopt
                                      : std::optional(found->second),
               bits >> 19 == 0x0a000000 >> 19);
      };
      for (const auto& [bits, rule] : owners4) {
        expect4(bits);
        expect4(bits + 1);
        expect4(bits - 1);
        expect4(bits ^ 0x00010000);
      }
      for (const auto& [bytes, rule] : owners6) {
        expect(bytes, rule, false);
        Address next = bytes;
        next[15] ^= 1;
        const auto found = owners6.find(next);
        expect(next,
               found == owners6.end() ? std::nullopt
                                      : std::optional(found->second),
               (next[4] & 0x80) == 0);
      }
    }
  }
}

TEST(CompilePolicy, IsDeterministic) {
  Generator once(7);
  Generator again(7);
  const VendorConfig config = WithoutConflicts(once.Config());
  const auto policy = CompilePolicy(config);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(*policy, *CompilePolicy(WithoutConflicts(again.Config())));
}

TEST(CompilePolicy, OfNoVendorsMatchesNothing) {
  const std::vector<std::byte> policy = *CompilePolicy({});
  const PolicyView view = Open(policy);
  const std::string_view host = "gw.example";
  EXPECT_FALSE(view.Find({MappedIpv4(192, 0, 2, 1), 80}, {&host, 1}).found);
  EXPECT_FALSE(view.NamesHost(host));
}

TEST(CompilePolicy, FillsEveryAddressFamilyToItsEnds) {
  VendorConfig config;
  config.vendors.resize(1);
  config.vendors[0].name = "all";
  config.vendors[0].match.resize(2);
  config.vendors[0].match[0].cidrs = {*ParseCidr("0.0.0.0/0"),
                                      *ParseCidr("::/0")};
  config.vendors[0].match[1].cidrs = {*ParseCidr("255.255.255.255/32"),
                                      *ParseCidr("255.0.0.0/8"),
                                      *ParseCidr("ff00::/8")};
  const std::vector<std::byte> policy = *CompilePolicy(config);
  const PolicyView view = Open(policy);
  Address last6;
  last6.fill(0xff);
  EXPECT_EQ(view.Find({MappedIpv4(0, 0, 0, 0), 1}, {}).rule, 0u);
  EXPECT_TRUE(view.Find({MappedIpv4(0, 0, 0, 0), 1}, {}).found);
  EXPECT_EQ(view.Find({MappedIpv4(254, 255, 255, 255), 1}, {}).rule, 0u);
  EXPECT_EQ(view.Find({MappedIpv4(255, 255, 255, 255), 1}, {}).rule, 1u);
  EXPECT_TRUE(view.Find({Address{}, 1}, {}).found);
  EXPECT_EQ(view.Find({last6, 1}, {}).rule, 1u);
}

// With a list of candidates per range, this would copy every wide rule into
// every address: 500 times 100,000 entries.
TEST(CompilePolicy, StaysSmallWithManyAddressesUnderManyWideRules) {
  constexpr std::uint32_t kAddresses = 100'000;
  VendorConfig config;
  config.vendors.resize(2);
  config.vendors[0].name = "wide";
  config.vendors[1].name = "narrow";
  config.vendors[1].match.resize(1);
  for (std::uint16_t port = 1; port <= 500; ++port) {
    MatchRule rule;
    rule.cidrs = {*ParseCidr("0.0.0.0/0")};
    rule.ports = {{port, port}};
    config.vendors[0].match.push_back(rule);
  }
  const auto address = [](std::uint32_t i) {
    // An odd multiplier: a permutation, so that the input is not sorted.
    const std::uint32_t bits = i * 2654435761u;
    return MappedIpv4(bits >> 24, bits >> 16 & 0xff, bits >> 8 & 0xff,
                      bits & 0xff);
  };
  for (std::uint32_t i = 0; i < kAddresses; ++i) {
    MatchRule& rule = config.vendors[1].match[0];
    rule.cidrs.push_back({address(i), 128});
    rule.ports = {{8000, 8000}};
  }
  const std::vector<std::byte> policy = *CompilePolicy(config);
  EXPECT_LT(policy.size(), std::size_t{kAddresses} * 2 * 12 + 100'000);
  const PolicyView view = Open(policy);
  for (std::uint32_t i = 0; i < kAddresses; i += 101) {
    EXPECT_EQ(view.Find({address(i), 8000}, {}).vendor, "narrow");
    EXPECT_EQ(view.Find({address(i), 77}, {}).rule, 76u);
    EXPECT_FALSE(view.Find({address(i), 501}, {}).found);
    EXPECT_FALSE(view.Find({address(i + kAddresses), 8000}, {}).found);
  }
}

}  // namespace
}  // namespace proxymeter::collector
