// Collectors of other versions behind today's shim: what it makes of their
// policies.
#include <cstring>
#include <fstream>
#include <iterator>

#include "proxymeter/policy.h"
#include "shim/testing/shim_fixture.h"
#include "tests/compat/samples.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 5;

class CompatPolicy : public ShimFixture {
 protected:
  void SetUp() override { Take("v2c"); }

  void Take(const std::string& release) {
    std::ifstream file(PROXYMETER_SAMPLES "/" + release + "/policy",
                       std::ios::binary);
    ASSERT_TRUE(file.is_open());
    policy_.assign(std::istreambuf_iterator<char>(file), {});
  }

  template <typename Value>
  void Set(std::size_t offset, Value value) {
    std::memcpy(policy_.data() + offset, &value, sizeof value);
  }

  // In a process that starts now, with the policy as it stands.
  void ConnectTo(const std::string& address, std::uint16_t port) {
    std::ofstream(directory() + "/policy", std::ios::binary | std::ios::trunc)
        << policy_;
    RestartShim();
    Connect(kFd, address, port);
  }

  std::string policy_;
};

TEST_F(CompatPolicy, Version2LeadsToItsVendors) {
  ConnectTo("192.0.2.77", 8080);
  Connect(kFd + 1, "203.0.114.1", 24000);
  Connect(kFd + 2, "203.0.114.1", 24001);
  EXPECT_EQ(Vendor("other")[kConnectionsOk], 2u);
  EXPECT_EQ(Vendor("direct")[kConnectionsOk], 1u);
  EXPECT_EQ(Events(kPolicyRejected), 0u);
}

// It keeps addresses in other tables.
TEST_F(CompatPolicy, Version1IsRefusedAndCounted) {
  Take("v1");
  ConnectTo("203.0.114.1", 24000);
  EXPECT_EQ(Vendor("other")[kConnectionsOk], 0u);
  EXPECT_EQ(Events(kPolicyRejected), 1u);
}

TEST_F(CompatPolicy, TheVersionAfterIsRefusedAndCounted) {
  Set(offsetof(PolicyHeader, version), kPolicyVersion + 1);
  ConnectTo("203.0.114.1", 24000);
  EXPECT_EQ(Vendor("other")[kConnectionsOk], 0u);
  EXPECT_EQ(Vendor("direct")[kConnectionsOk], 1u);
  EXPECT_EQ(Events(kPolicyRejected), 1u);
}

// A section more, of a kind that nobody knows yet, in the place of the
// settings.
TEST_F(CompatPolicy, SectionsOfANewerPolicyArePassedOver) {
  std::uint32_t sections;
  std::memcpy(&sections, policy_.data() + offsetof(PolicyHeader, section_count),
              sizeof sections);
  bool renamed = false;
  for (std::uint32_t i = 0; i < sections; ++i) {
    const std::size_t at = sizeof(PolicyHeader) + i * sizeof(PolicySection);
    PolicySection section;
    std::memcpy(&section, policy_.data() + at, sizeof section);
    if (section.kind !=
        static_cast<std::uint32_t>(PolicySectionKind::kSettings)) {
      continue;
    }
    Set(at, kLastPolicySectionKind);
    Set(at + offsetof(PolicySection, stride), std::uint32_t{1});
    renamed = true;
  }
  ASSERT_TRUE(renamed);
  ConnectTo("203.0.114.1", 24000);
  EXPECT_EQ(Vendor("other")[kConnectionsOk], 1u);
  EXPECT_EQ(Events(kPolicyRejected), 0u);
}

}  // namespace
}  // namespace proxymeter::shim
