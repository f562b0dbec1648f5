#include "collector/audit/proxy_addresses.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <vector>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

constexpr char kConfig[] = R"(
version: 1
vendors:
  - name: acme
    match:
      - {cidr: 192.0.2.0/24, port: 3128}
  - name: bolt
    match:
      - {host: gw.bolt.test}
)";

class ProxyAddressesTest : public testing::Test {
 protected:
  void Publish(const std::string& text) {
    const auto config = ParseVendorConfig(text, "vendors.yaml");
    ASSERT_TRUE(config.ok()) << config.status().message();
    const auto policy = CompilePolicy(*config);
    ASSERT_TRUE(policy.ok());
    std::ofstream(file_ + ".new", std::ios::binary)
        .write(reinterpret_cast<const char*>(policy->data()),
               static_cast<std::streamsize>(policy->size()));
    std::filesystem::rename(file_ + ".new", file_);
  }

  TestDirectory directory_;
  const std::string file_ = directory_.path() + "/policy";
  ProxyAddresses addresses_{file_};
  const Endpoint acme_ = {MappedIpv4(192, 0, 2, 7), 3128};
  const Endpoint bolt_ = {MappedIpv4(198, 51, 100, 1), 8000};
};

TEST_F(ProxyAddressesTest, WithoutAPolicyNobodyIsKnown) {
  EXPECT_FALSE(addresses_.Refresh());
  EXPECT_EQ(addresses_.VendorOf(acme_), "");
}

TEST_F(ProxyAddressesTest, ByAddressAndPort) {
  Publish(kConfig);
  EXPECT_TRUE(addresses_.Refresh());
  EXPECT_FALSE(addresses_.Refresh());
  EXPECT_EQ(addresses_.VendorOf(acme_), "acme");
  EXPECT_EQ(addresses_.VendorOf({acme_.address, 80}), "");
  EXPECT_EQ(addresses_.VendorOf(bolt_), "");
}

TEST_F(ProxyAddressesTest, ByNamesThatLeadThere) {
  Publish(kConfig);
  addresses_.Refresh();
  addresses_.SetNames({{bolt_.address, {"www.other.test", "gw.bolt.test"}}});
  EXPECT_EQ(addresses_.VendorOf(bolt_), "bolt");
  addresses_.SetNames({});
  EXPECT_EQ(addresses_.VendorOf(bolt_), "");
}

TEST_F(ProxyAddressesTest, ByWhatCrawlersReport) {
  Publish(kConfig);
  addresses_.Refresh();
  addresses_.Learn(bolt_, "direct");
  addresses_.Learn(bolt_, "");
  EXPECT_EQ(addresses_.VendorOf(bolt_), "");
  addresses_.Learn(bolt_, "bolt");
  addresses_.Learn(bolt_, "bolt");
  EXPECT_EQ(addresses_.VendorOf(bolt_), "bolt");
  // Told apart by something else, which the kernel does not show.
  addresses_.Learn(bolt_, "acme");
  EXPECT_EQ(addresses_.VendorOf(bolt_), ProxyAddresses::kUnknownVendor);
  // Rules come first; and a new policy has other names.
  addresses_.Learn(acme_, "bolt");
  EXPECT_EQ(addresses_.VendorOf(acme_), "acme");
  Publish(std::string(kConfig) +
          "  - name: cargo\n    match: [{host: c.test}]\n");
  EXPECT_TRUE(addresses_.Refresh());
  EXPECT_EQ(addresses_.VendorOf(bolt_), "");
}

}  // namespace
}  // namespace proxymeter::collector
