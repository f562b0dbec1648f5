#include "shim/attribution/resolved_hosts.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace proxymeter::shim {
namespace {

std::vector<std::string> NamesOf(const ResolvedHosts& hosts,
                                 const Address& address) {
  ResolvedHosts::Names names;
  hosts.Find(address, &names);
  return {names.view().begin(), names.view().end()};
}

TEST(ResolvedHosts, LatestNameComesFirst) {
  auto hosts = std::make_unique<ResolvedHosts>();
  const Address shared = MappedIpv4(192, 0, 2, 1);
  hosts->Remember(shared, "a.test");
  hosts->Remember(shared, "b.test");
  hosts->Remember(MappedIpv4(192, 0, 2, 2), "c.test");
  EXPECT_EQ(NamesOf(*hosts, shared),
            (std::vector<std::string>{"b.test", "a.test"}));
  hosts->Remember(shared, "a.test");
  EXPECT_EQ(NamesOf(*hosts, shared).front(), "a.test");
  EXPECT_TRUE(NamesOf(*hosts, MappedIpv4(192, 0, 2, 3)).empty());
}

TEST(ResolvedHosts, ForgetsTheOldest) {
  auto hosts = std::make_unique<ResolvedHosts>();
  const Address first = MappedIpv4(192, 0, 2, 1);
  hosts->Remember(first, "first.test");
  for (std::size_t i = 0; i < ResolvedHosts::kSlots; ++i) {
    hosts->Remember(MappedIpv4(198, 51, 100, static_cast<std::uint8_t>(i)),
                    "filler.test");
  }
  EXPECT_TRUE(NamesOf(*hosts, first).empty());
}

TEST(ResolvedHosts, RefusesWhatIsNoName) {
  auto hosts = std::make_unique<ResolvedHosts>();
  const Address address = MappedIpv4(192, 0, 2, 1);
  hosts->Remember(address, "");
  hosts->Remember(address, std::string(kMaxHostLength + 1, 'x'));
  EXPECT_TRUE(NamesOf(*hosts, address).empty());
  hosts->Remember(address, std::string(kMaxHostLength, 'x'));
  EXPECT_EQ(NamesOf(*hosts, address).size(), 1u);
}

TEST(ResolvedHosts, ReadersNeverSeeATornName) {
  auto hosts = std::make_unique<ResolvedHosts>();
  const Address address = MappedIpv4(192, 0, 2, 1);
  const std::string a(200, 'a');
  const std::string b(100, 'b');
  std::thread writers[] = {
      std::thread([&] {
        for (int i = 0; i < 5000; ++i) hosts->Remember(address, a);
      }),
      std::thread([&] {
        for (int i = 0; i < 5000; ++i) hosts->Remember(address, b);
      }),
  };
  for (int i = 0; i < 2000; ++i) {
    for (const std::string& name : NamesOf(*hosts, address)) {
      ASSERT_TRUE(name == a || name == b) << name;
    }
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace proxymeter::shim
