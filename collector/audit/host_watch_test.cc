#include "collector/audit/host_watch.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

namespace proxymeter::collector {
namespace {

using std::chrono::milliseconds;

const Address kOne = MappedIpv4(192, 0, 2, 1);
const Address kTwo = MappedIpv4(192, 0, 2, 2);

// A resolver that answers as it is told, and whoever listens to the watch.
class HostWatchTest : public testing::Test {
 protected:
  std::vector<std::string> Hosts() {
    const std::lock_guard lock(mutex_);
    return hosts_;
  }
  HostAddresses Resolve(const std::vector<std::string>& hosts) {
    const std::lock_guard lock(mutex_);
    asked_ = hosts;
    return answer_;
  }
  void Told(HostWatch::Names names) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(names);
    ++times_told_;
    changed_.notify_all();
  }
  void Watch(const HostWatchTimes& times) {
    watch_.emplace([this] { return Hosts(); },
                   [this](HostWatch::Names names) { Told(std::move(names)); },
                   times,
                   [this](const std::vector<std::string>& hosts, milliseconds) {
                     return Resolve(hosts);
                   });
  }
  // True once it was told what is wanted.
  bool IsTold(const HostWatch::Names& wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60),
                             [&] { return told_ == wanted; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> hosts_;
  HostAddresses answer_;
  std::vector<std::string> asked_;
  HostWatch::Names told_;
  int times_told_ = 0;
  std::optional<HostWatch> watch_;
};

TEST_F(HostWatchTest, KeepsWhatOneAnswerLeavesOut) {
  hosts_ = {"a.test"};
  answer_.hosts = {{kOne, {"a.test"}}};
  Watch({.interval = milliseconds(1), .look = milliseconds(1)});
  EXPECT_TRUE(IsTold({{kOne, {"a.test"}}}));
  {
    const std::lock_guard lock(mutex_);
    answer_.hosts = {{kTwo, {"a.test"}}};
  }
  EXPECT_TRUE(IsTold({{kOne, {"a.test"}}, {kTwo, {"a.test"}}}));
}

TEST_F(HostWatchTest, ForgetsInTime) {
  hosts_ = {"a.test"};
  answer_.hosts = {{kOne, {"a.test"}}};
  Watch({.interval = milliseconds(1),
         .look = milliseconds(1),
         .keep = milliseconds(20)});
  EXPECT_TRUE(IsTold({{kOne, {"a.test"}}}));
  {
    const std::lock_guard lock(mutex_);
    answer_.hosts.clear();
  }
  EXPECT_TRUE(IsTold({}));
}

TEST_F(HostWatchTest, OtherNamesAreAskedForAtOnce) {
  hosts_ = {"a.test"};
  answer_.hosts = {{kOne, {"a.test"}}};
  Watch({.interval = std::chrono::hours(1), .look = milliseconds(1)});
  EXPECT_TRUE(IsTold({{kOne, {"a.test"}}}));
  {
    const std::lock_guard lock(mutex_);
    hosts_ = {"b.test"};
    answer_.hosts = {{kOne, {"b.test"}}};
  }
  EXPECT_TRUE(IsTold({{kOne, {"b.test"}}}));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(asked_, std::vector<std::string>{"b.test"});
  EXPECT_EQ(times_told_, 2);
}

TEST(ExactHosts, AreThoseThatCanBeAsked) {
  const auto config = ParseVendorConfig(R"(
version: 1
vendors:
  - name: acme
    match:
      - {host: [gw.acme.test, "*.acme.test"]}
      - {cidr: 192.0.2.0/24}
  - name: bolt
    match: [{host: bolt.test}]
)",
                                        "vendors.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(ExactHosts(*config),
            (std::vector<std::string>{"bolt.test", "gw.acme.test"}));
}

}  // namespace
}  // namespace proxymeter::collector
