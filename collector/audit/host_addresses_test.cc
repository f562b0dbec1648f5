#include "collector/audit/host_addresses.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::collector {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::seconds kLong{30};

TEST(HostAddresses, NamesOfAnAddressAreGathered) {
  const HostAddresses found =
      ResolveHosts({"localhost", "127.0.0.1", "127.0.0.2"}, kLong);
  EXPECT_THAT(found.hosts.at(MappedIpv4(127, 0, 0, 1)),
              ElementsAre("localhost", "127.0.0.1"));
  EXPECT_THAT(found.hosts.at(MappedIpv4(127, 0, 0, 2)),
              ElementsAre("127.0.0.2"));
  EXPECT_THAT(found.unresolved, IsEmpty());
}

TEST(HostAddresses, AddressesOfBothFamiliesAreKnown) {
  Address loopback{};
  loopback[15] = 1;
  const HostAddresses found = ResolveHosts({"::1"}, kLong);
  EXPECT_THAT(found.hosts.at(loopback), ElementsAre("::1"));
}

TEST(HostAddresses, WhatHasNoAddressIsNamed) {
  // No name server is asked for a name with an empty label.
  const HostAddresses found = ResolveHosts({"a..b", "localhost"}, kLong);
  EXPECT_THAT(found.unresolved, ElementsAre("a..b"));
  EXPECT_TRUE(found.hosts.contains(MappedIpv4(127, 0, 0, 1)));
}

TEST(HostAddresses, NothingIsNoQuestion) {
  const HostAddresses found = ResolveHosts({}, kLong);
  EXPECT_THAT(found.hosts, IsEmpty());
  EXPECT_THAT(found.unresolved, IsEmpty());
}

TEST(HostAddresses, PatienceEnds) {
  // More than are asked in no time: what was not is named, none is lost.
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("127.0.1." + std::to_string(i));
  const HostAddresses found = ResolveHosts(names, std::chrono::milliseconds(0));
  EXPECT_EQ(found.hosts.size() + found.unresolved.size(), names.size());
}

}  // namespace
}  // namespace proxymeter::collector
