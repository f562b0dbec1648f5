#include "cli/doctor/vendor_connections.h"

#include <sys/socket.h>

#include <algorithm>

#include "cli/testing/test_policy.h"
#include "collector/testing/loopback.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using collector::TcpSocket;
using collector::TcpState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kVendors[] = R"({version: 1, vendors: [
  {name: acme, match: [{host: gw.acme.test}]},
  {name: beta, match: [{cidr: 203.0.113.0/24}]},
  {name: gamma, match: [{port: 7000-7999}]}]})";

constexpr Address kHere = MappedIpv4(10, 0, 0, 1);
constexpr Address kThere = MappedIpv4(198, 51, 100, 7);

TcpSocket Connection(const Endpoint& local, const Endpoint& remote) {
  return {.local = local, .remote = remote, .state = TcpState::kEstablished};
}

TcpSocket Listener(const Endpoint& local) {
  return {.local = local, .state = TcpState::kListen};
}

class VendorConnectionsTest : public testing::Test {
 protected:
  std::vector<std::string> Find(
      const std::vector<TcpSocket>& sockets,
      const collector::HostsByAddress& hosts = {}) const {
    std::vector<std::string> vendors;
    for (const VendorConnection& connection :
         FindVendorConnections(sockets, policy_.view(), hosts)) {
      vendors.push_back(connection.vendor);
    }
    return vendors;
  }

  const TestPolicy policy_{kVendors};
};

TEST_F(VendorConnectionsTest, AddressPortAndHostTell) {
  const std::vector<TcpSocket> sockets = {
      Connection({kHere, 40000}, {MappedIpv4(203, 0, 113, 9), 443}),
      Connection({kHere, 40001}, {kThere, 7001}),
      Connection({kHere, 40002}, {kThere, 443}),
      Connection({kHere, 40003}, {MappedIpv4(198, 51, 100, 8), 443})};
  EXPECT_THAT(Find(sockets), ElementsAre("beta", "gamma"));
  EXPECT_THAT(Find(sockets, {{kThere, {"www.test", "gw.acme.test"}}}),
              ElementsAre("beta", "acme", "acme"));
}

TEST_F(VendorConnectionsTest, WhatOthersMadeIsNotTold) {
  // To this machine's own port 8080, from a port that looks like a vendor's.
  const TcpSocket accepted = Connection({kHere, 8080}, {kThere, 7001});
  EXPECT_THAT(Find({accepted}), ElementsAre("gamma"));
  EXPECT_THAT(Find({accepted, Listener({kHere, 8080})}), IsEmpty());
  EXPECT_THAT(Find({Listener({{}, 8080}), accepted}), IsEmpty());
  EXPECT_THAT(Find({Listener({MappedIpv4(0, 0, 0, 0), 8080}), accepted}),
              IsEmpty());
  EXPECT_THAT(Find({Listener({kHere, 8081}), accepted}), ElementsAre("gamma"));
  EXPECT_THAT(Find({Listener({kThere, 8080}), accepted}), ElementsAre("gamma"));
}

TEST(VendorConnections, TheKernelTellsConnectionsAndListeners) {
  const collector::Loopback loopback(AF_INET);
  const collector::ScopedFd client = loopback.Connect();
  const auto sockets = OpenSockets();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  for (const auto* fd : {&client, &loopback.listener()}) {
    EXPECT_EQ(std::count_if(sockets->begin(), sockets->end(),
                            [&](const TcpSocket& socket) {
                              return socket.cookie == CookieOf(*fd);
                            }),
              1);
  }
}

}  // namespace
}  // namespace proxymeter::cli
