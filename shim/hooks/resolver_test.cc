#include <fstream>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

class Resolver : public ShimFixture {
 protected:
  void Resolve(const char* host, std::vector<std::string> addresses) {
    fake_.set_addresses(std::move(addresses));
    addrinfo* result = nullptr;
    hooks::getaddrinfo(host, "80", nullptr, &result);
  }
};

TEST_F(Resolver, AddressesAreKnownByTheNameTheyCameFrom) {
  Resolve("gw.acme.test", {"127.0.50.1", "127.0.50.2"});
  Connect(5, "127.0.50.2", 80);
  EXPECT_TRUE(IsMetered(5));
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
}

TEST_F(Resolver, SuffixRulesMatchBelowTheirApex) {
  Resolve("fr.eu.acme-proxies.test", {"127.0.51.1"});
  Resolve("acme-proxies.test", {"127.0.51.2"});
  Connect(5, "127.0.51.1", 80);
  Connect(6, "127.0.51.2", 80);
  EXPECT_TRUE(IsMetered(5));
  EXPECT_FALSE(IsMetered(6));
}

TEST_F(Resolver, OtherNamesAreForgottenAtOnce) {
  Resolve("shop.test", {"127.0.52.1"});
  Connect(5, "127.0.52.1", 80);
  EXPECT_FALSE(IsMetered(5));
}

TEST_F(Resolver, FailuresPassThrough) {
  addrinfo* result = nullptr;
  EXPECT_EQ(hooks::getaddrinfo("gw.acme.test", nullptr, nullptr, &result),
            EAI_NONAME);
  EXPECT_EQ(hooks::getaddrinfo(nullptr, "80", nullptr, &result), EAI_NONAME);
}

// By the connection that comes next: there was no journal to count in.
TEST_F(Resolver, ThePolicyThatALookUpRefusesIsCounted) {
  std::ofstream(directory() + "/policy", std::ios::trunc) << "no policy";
  RestartShim();
  Resolve("gw.acme.test", {"127.0.50.1"});
  Connect(5, "203.0.113.1", 80);
  EXPECT_EQ(Events(kPolicyRejected), 1u);
}

// However specific the rules are that name them.
TEST_F(Resolver, OfSeveralNamesForAnAddressTheLatestCounts) {
  WritePolicy(
      "version: 1\nvendors:\n"
      "- {name: exact, match: [{host: a.test}]}\n"
      "- {name: suffix, match: [{host: '*.b.test'}]}\n"
      "- {name: port, match: [{host: c.test, port: 443}]}\n");
  RestartShim();
  const auto vendor = [](std::uint16_t port = 80) {
    return std::string(
        shim.attribution.Classify({MappedIpv4(127, 0, 53, 1), port}).view());
  };
  Resolve("a.test", {"127.0.53.1"});
  EXPECT_EQ(vendor(), "exact");
  Resolve("x.b.test", {"127.0.53.1"});
  EXPECT_EQ(vendor(), "suffix");
  Resolve("a.test", {"127.0.53.1"});
  EXPECT_EQ(vendor(), "exact");
  // One whose rule does not hold leaves it to the one before.
  Resolve("c.test", {"127.0.53.1"});
  EXPECT_EQ(vendor(), "exact");
  EXPECT_EQ(vendor(443), "port");
}

TEST_F(Resolver, OldFunctionsTellToo) {
  hostent host;
  hostent* result = nullptr;
  char buffer[1000];
  int error = 0;
  fake_.set_addresses({"127.0.53.1"});
  EXPECT_NE(hooks::gethostbyname("gw.acme.test"), nullptr);
  fake_.set_addresses({"127.0.53.2"});
  EXPECT_NE(hooks::gethostbyname2("gw.acme.test", AF_INET), nullptr);
  fake_.set_addresses({"127.0.53.3"});
  EXPECT_EQ(hooks::gethostbyname_r("gw.acme.test", &host, buffer,
                                   sizeof(buffer), &result, &error),
            0);
  fake_.set_addresses({"127.0.53.4", "127.0.53.5"});
  EXPECT_EQ(hooks::gethostbyname2_r("gw.acme.test", AF_INET, &host, buffer,
                                    sizeof(buffer), &result, &error),
            0);
  fake_.set_addresses({"127.0.53.6"});
  EXPECT_NE(hooks::gethostbyname("shop.test"), nullptr);
  for (int last = 1; last <= 5; ++last) {
    Connect(5, "127.0.53." + std::to_string(last), 80);
    EXPECT_TRUE(IsMetered(5)) << last;
  }
  Connect(5, "127.0.53.6", 80);
  EXPECT_FALSE(IsMetered(5));
}

TEST_F(Resolver, OldFunctionsTellAddressesOfVersion6) {
  fake_.set_addresses({"2001:db8::1"});
  EXPECT_NE(hooks::gethostbyname2("gw.acme.test", AF_INET6), nullptr);
  const Address address = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                           0,    0, 0,   0,    0, 0, 0, 1};
  EXPECT_EQ(shim.attribution.Classify({address, 80}).view(), kVendor);
}

TEST_F(Resolver, OldFunctionsFailAsTheyDo) {
  hostent host;
  hostent* result = &host;
  char buffer[10];
  int error = 0;
  EXPECT_EQ(hooks::gethostbyname("gw.acme.test"), nullptr);
  EXPECT_EQ(hooks::gethostbyname_r("gw.acme.test", &host, buffer,
                                   sizeof(buffer), &result, &error),
            0);
  EXPECT_EQ(result, nullptr);
  fake_.set_addresses({"127.0.53.1"});
  EXPECT_NE(hooks::gethostbyname(nullptr), nullptr);
}

}  // namespace
}  // namespace proxymeter::shim
