#include "shim/callers/call_sites.h"

#include <errno.h>

#include <functional>
#include <string>

#include "shim/callers/testing/caller_fixture.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 9;
constexpr char kCaller[] = "libcaller_fixture.so";

std::function<void()> connect_once;

int Callback(const void*, const void*) {
  connect_once();
  return 0;
}

class CallSitesTest : public ShimFixture {
 protected:
  void Ask(const std::string& call_sites) {
    WritePolicy("version: 1\ncall_sites: " + call_sites +
                "\nvendors:\n"
                "  - {name: acme, match: [{cidr: 127.0.9.0/24}]}\n");
    RestartShim();
  }
  // Connections that the fixture library opens.
  void Open(int count) {
    connect_once = [this] {
      errno = 77;
      Connect(kFd, kProxyAddress, 8080);
      EXPECT_EQ(errno, 77);
    };
    for (int i = 0; i < count; ++i) CallerFixtureCall(Callback);
  }
  static CounterSums Callers(std::string_view caller) {
    CounterSums sums = {};
    for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
      const JournalRow& row = shim.meter.journal().rows()[i];
      if (row.kind != RowKind::kCaller || row.destination() != caller) continue;
      EXPECT_EQ(row.vendor(), kVendor);
      EXPECT_EQ(row.code != 0, caller == kCaller);
      for (std::size_t c = 0; c < kRowCounters; ++c) sums[c] += row.counters[c];
    }
    return sums;
  }
};

TEST_F(CallSitesTest, NothingIsCountedUnlessAskedFor) {
  Open(1);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
  EXPECT_EQ(Callers(kCaller), CounterSums());
  EXPECT_EQ(Callers(kUnknownDestination), CounterSums());
}

TEST_F(CallSitesTest, EachConnectionIsWalkedOrCountedAsNot) {
  Ask("sampled");
  Open(kCallersAllOfFirst);
  EXPECT_EQ(Callers(kCaller)[kCallerConnections], kCallersAllOfFirst);
  EXPECT_EQ(Callers(kUnknownDestination), CounterSums());
  constexpr std::uint32_t kMore = 1000;
  Open(kMore);
  std::uint32_t sampled = 0;
  for (std::uint32_t i = 0; i < kMore; ++i) {
    sampled += CallSites::IsSampled(kCallersAllOfFirst + i);
  }
  EXPECT_EQ(Callers(kCaller)[kCallerConnections], kCallersAllOfFirst + sampled);
  EXPECT_EQ(Callers(kUnknownDestination)[kCallerNotSampled], kMore - sampled);
  EXPECT_EQ(Callers(kUnknownDestination)[kCallerNotSafe], 0u);
}

TEST_F(CallSitesTest, ConnectionsUnderWayCountAndFailedOnesDoNot) {
  Ask("sampled");
  connect_once = [this] {
    fake_.Fails(ECONNREFUSED);
    Connect(kFd, kProxyAddress, 8080);
    fake_.Fails(EINPROGRESS);
    Connect(kFd, kProxyAddress, 8080);
    // Asked again about the same one.
    Connect(kFd, kProxyAddress, 8080);
  };
  CallerFixtureCall(Callback);
  EXPECT_EQ(Callers(kCaller)[kCallerConnections], 1u);
}

TEST(IsSampled, AboutOneOfSoManyWhateverTheirTurns) {
  // Callers that take turns in any small number get their share.
  for (std::uint32_t turns = 1; turns <= 8; ++turns) {
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
      constexpr std::uint32_t kRounds = 100'000;
      std::uint32_t sampled = 0;
      for (std::uint32_t i = 0; i < kRounds; ++i) {
        sampled += CallSites::IsSampled(1000 + i * turns + turn);
      }
      EXPECT_NEAR(sampled, 1.0 * kRounds / kCallersOneOf, 0.002 * kRounds)
          << turn << " of " << turns;
    }
  }
}

}  // namespace
}  // namespace proxymeter::shim
