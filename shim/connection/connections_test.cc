#include "shim/connection/connections.h"

#include <atomic>
#include <thread>
#include <vector>

#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

class ConnectionsTest : public ShimFixture {
 protected:
  ConnectionsTest() { shim.meter.Open(shim.environment.directory()); }
  static void Open(int fd) {
    shim.connections.Open(fd, kVendor, Endpoint{}, Origin::kEstablished, 0);
  }
};

TEST_F(ConnectionsTest, DescriptorsOutOfRangeAreUntrackedAndCounted) {
  Open(ConnectionTable::kMaxDescriptors);
  Open(-1);
  EXPECT_EQ(Events(kConnectionsUntracked), 2u);
  EXPECT_FALSE(shim.connections.Tracks(-1));
}

TEST_F(ConnectionsTest, TableReachesItsLastDescriptor) {
  const int last = ConnectionTable::kMaxDescriptors - 1;
  Open(last);
  Open(70000);
  EXPECT_TRUE(shim.connections.Tracks(last));
  EXPECT_TRUE(shim.connections.Tracks(70000));
  EXPECT_FALSE(shim.connections.Tracks(last - 1));
  shim.connections.Forget(last);
  EXPECT_FALSE(shim.connections.Tracks(last));
}

TEST_F(ConnectionsTest, MemoryIsReusedAfterClose) {
  Open(5);
  const Connection* first = shim.connections.Acquire(5).get();
  shim.connections.Forget(5);
  Open(6);
  EXPECT_EQ(shim.connections.Acquire(6).get(), first);
}

TEST_F(ConnectionsTest, AUseOutlivesTheDescriptor) {
  Open(5);
  {
    const auto use = shim.connections.Acquire(5);
    shim.connections.Forget(5);
    Open(5);
    use->HoldSent(10);
    EXPECT_EQ(Vendor(kVendor)[kReleasedSentBytes], 0u);
  }
  EXPECT_EQ(Vendor(kVendor)[kReleasedSentBytes], 10u);
}

TEST_F(ConnectionsTest, TlsSessionsAreFoundByTheirRandomUntilTheEnd) {
  Open(5);
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(0xab);
  Connection::ClientRandom random;
  random.fill(0xabababababababab);
  std::uint8_t depth = 9;
  shim.connections.Acquire(5)->SetClientRandom(1, bytes);
  EXPECT_TRUE(shim.connections.FindTls(random, &depth));
  EXPECT_EQ(depth, 1);
  shim.connections.Forget(5);
  EXPECT_FALSE(shim.connections.FindTls(random, &depth));
}

// Descriptors opened, used, copied and closed by several threads at once: the
// sanitizer builds look for races, and every byte must be accounted.
TEST_F(ConnectionsTest, ReuseUnderThreadsIsExact) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  constexpr int kDescriptors = 3;
  std::atomic<std::uint64_t> moved{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const int fd = (t + i) % kDescriptors;
        switch ((t + i) % 5) {
          case 0:
            Open(fd);
            break;
          case 1:
            shim.connections.Share(fd, (fd + 1) % kDescriptors);
            break;
          case 2:
            shim.connections.Forget(fd);
            break;
          default:
            if (const auto use = shim.connections.Acquire(fd)) {
              use->socket_stream()->Sent(protocol::Bytes(
                  reinterpret_cast<const std::uint8_t*>("ab"), 2));
              moved += 2;
            }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int fd = 0; fd < kDescriptors; ++fd) shim.connections.Forget(fd);
  EXPECT_EQ(Traffic(kVendor, kUnknownDestination)[kSentBytes], moved);
  const CounterSums vendor = Vendor(kVendor);
  EXPECT_EQ(vendor[kHeldSentBytes], vendor[kReleasedSentBytes]);
}

}  // namespace
}  // namespace proxymeter::shim
