#include "collector/policy/policy_publisher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

std::vector<std::byte> Policy(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class PolicyPublisherTest : public testing::Test {
 protected:
  std::string Path() const { return temp_.path() + "/" + kPolicyName; }
  std::string Content() const {
    std::ifstream file(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Not even root can rename a file onto a directory.
  void Obstruct() const { std::filesystem::create_directory(Path()); }
  void MakeWay() const { std::filesystem::remove(Path()); }

  const TestDirectory temp_;
};

TEST_F(PolicyPublisherTest, WritesAtOnce) {
  PolicyPublisher publisher(temp_.path());
  EXPECT_TRUE(publisher.Publish(Policy("one")).ok());
  EXPECT_EQ(Content(), "one");
  EXPECT_FALSE(publisher.health().degraded);
  EXPECT_EQ(publisher.health().failures, 0u);
}

TEST_F(PolicyPublisherTest, WritesTheLatestOnceItCan) {
  PolicyPublisher publisher(temp_.path(), std::chrono::milliseconds(1));
  Obstruct();
  std::atomic<int> written = 0;
  EXPECT_FALSE(publisher.Publish(Policy("one"), [&] { written += 100; }).ok());
  EXPECT_FALSE(publisher.Publish(Policy("two"), [&] { ++written; }).ok());
  EXPECT_EQ(written, 0);
  EXPECT_TRUE(publisher.health().degraded);
  EXPECT_GE(publisher.health().failures, 2u);
  MakeWay();
  EXPECT_TRUE(WaitFor([&] { return !publisher.health().degraded; }));
  EXPECT_EQ(Content(), "two");
  EXPECT_EQ(written, 1);
}

}  // namespace
}  // namespace proxymeter::collector
