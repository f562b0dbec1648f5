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

}  // namespace
}  // namespace proxymeter::shim
