#include "collector/reload/config_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/limits.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::collector {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr char kBroken[] = "version: 1\nvendors:\n  - nam: acme\n";

std::string Config(const std::string& vendor) {
  return "version: 1\nvendors: [{name: " + vendor +
         ", match: [{host: proxy.example}, {port: 8080}]}]\n";
}

class ConfigKeeperTest : public testing::Test {
 protected:
  ConfigKeeperTest() { fs::create_directory(run_); }

  void Start(const std::string& text) {
    Write(text);
    auto keeper = ConfigKeeper::Load(options_);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
    keeper_->Start(run_);
  }
  // Whole at every moment, as editors do it.
  void Write(const std::string& text) const {
    std::ofstream(file_ + ".new") << text;
    fs::rename(file_ + ".new", file_);
  }
  ReloadAnswer Reload() const {
    std::promise<ReloadAnswer> answer;
    EXPECT_TRUE(keeper_->Request(
        [&](const ReloadAnswer& given) { answer.set_value(given); }));
    return answer.get_future().get();
  }
  std::string PolicyBytes() const {
    std::ifstream file(run_ + "/" + kPolicyName, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool Names(const std::string& vendor) const {
    return PolicyBytes().find(vendor) != std::string::npos;
  }
  ino_t PolicyInode() const {
    struct stat status {};
    stat((run_ + "/" + kPolicyName).c_str(), &status);
    return status.st_ino;
  }

  const TestDirectory temp_;
  const std::string run_ = temp_.path() + "/run";
  const std::string file_ = temp_.path() + "/vendors.yaml";
  // Only what the tests make happen.
  ConfigKeeper::Options options_ = {
      .config_file = file_,
      .watch = {.without_inotify = milliseconds(20),
                .beside_inotify = std::chrono::hours(1)},
      .quiet = milliseconds(5),
      .retry = std::chrono::hours(1)};
  std::unique_ptr<ConfigKeeper> keeper_;
};

TEST_F(ConfigKeeperTest, TheFirstIsInForceAtOnce) {
  Start(Config("acme"));
  EXPECT_TRUE(Names("acme"));
  const auto in_force = keeper_->in_force().current();
  EXPECT_EQ(in_force->generation, 1u);
  EXPECT_EQ(in_force->vendors, 1u);
  EXPECT_EQ(in_force->rules, 2u);
  EXPECT_EQ(in_force->config->vendors[0].name, "acme");
  const std::string policy = PolicyBytes();
  EXPECT_EQ(in_force->policy_bytes, policy.size());
  PolicyHeader header;
  std::memcpy(&header, policy.data(), sizeof(header));
  EXPECT_EQ(in_force->policy_checksum, header.checksum);
  const ConfigKeeper::Health health = keeper_->health();
  EXPECT_FALSE(health.failing);
  EXPECT_EQ(health.ok + health.unchanged + health.failed, 0u);
}

TEST_F(ConfigKeeperTest, AMistakeAtFirstIsAnError) {
  Write(kBroken);
  const auto keeper = ConfigKeeper::Load(options_);
  EXPECT_THAT(std::string(keeper.status().message()),
              HasSubstr(file_ + ":3:5: "));
}

TEST_F(ConfigKeeperTest, AChangedFileComesIntoForceByItself) {
  Start(Config("acme"));
  Write(Config("beta"));
  EXPECT_TRUE(WaitFor([&] { return keeper_->health().ok == 1; }));
  EXPECT_TRUE(Names("beta"));
  EXPECT_FALSE(Names("acme"));
  EXPECT_EQ(keeper_->in_force().config()->vendors[0].name, "beta");
  EXPECT_EQ(keeper_->in_force().current()->generation, 2u);
}

TEST_F(ConfigKeeperTest, ABadFileLeavesTheOldOneInForceAndSaysSoOnce) {
  testing::internal::CaptureStdout();
  Start(Config("acme"));
  const std::string before = PolicyBytes();
  Write(kBroken);
  EXPECT_TRUE(WaitFor([&] { return keeper_->health().failed == 1; }));
  const ReloadAnswer again = Reload();
  EXPECT_EQ(again.result, ReloadResult::kFailed);
  EXPECT_THAT(again.error,
              HasSubstr(file_ + ":3:5: vendors[0].nam: unknown key"));
  EXPECT_EQ(again.in_force->generation, 1u);
  EXPECT_EQ(PolicyBytes(), before);
  EXPECT_EQ(keeper_->health().failed, 2u);
  EXPECT_TRUE(keeper_->health().failing);
  fs::remove(file_);
  const ReloadAnswer missing = Reload();
  EXPECT_THAT(missing.error, HasSubstr(file_ + ": cannot be read"));
  Write(Config("acme"));
  EXPECT_EQ(Reload().result, ReloadResult::kUnchanged);
  EXPECT_FALSE(keeper_->health().failing);
  keeper_.reset();
  const std::string log = testing::internal::GetCapturedStdout();
  const std::size_t first = log.find("vendors[0].nam: unknown key");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("vendors[0].nam: unknown key", first + 1),
            std::string::npos);
  EXPECT_THAT(log, HasSubstr("generation 1 stays in force"));
}

TEST_F(ConfigKeeperTest, WhatIsUnchangedIsNotWritten) {
  Start(Config("acme"));
  const ino_t inode = PolicyInode();
  Write(Config("acme"));
  EXPECT_TRUE(WaitFor([&] { return keeper_->health().unchanged >= 1; }));
  EXPECT_EQ(Reload().result, ReloadResult::kUnchanged);
  EXPECT_EQ(PolicyInode(), inode);
  EXPECT_EQ(keeper_->in_force().current()->generation, 1u);
  // What only people and the collector read counts as a change.
  Write(Config("acme") + "# spring\n");
  EXPECT_TRUE(
      WaitFor([&] { return keeper_->in_force().current()->generation == 2; }));
  EXPECT_EQ(PolicyInode(), inode);
}

TEST_F(ConfigKeeperTest, AReloadPutsBackWhatSomebodyRemoved) {
  Start(Config("acme"));
  fs::remove(run_ + "/" + kPolicyName);
  EXPECT_EQ(Reload().result, ReloadResult::kUnchanged);
  EXPECT_TRUE(Names("acme"));
}

TEST_F(ConfigKeeperTest, WithoutAFileThereIsNothingToChange) {
  options_.config_file = "";
  auto keeper = ConfigKeeper::Load(options_);
  ASSERT_TRUE(keeper.ok());
  keeper_ = *std::move(keeper);
  keeper_->Start(run_);
  EXPECT_FALSE(PolicyBytes().empty());
  EXPECT_EQ(Reload().result, ReloadResult::kUnchanged);
  EXPECT_EQ(keeper_->in_force().current()->vendors, 0u);
  EXPECT_EQ(keeper_->in_force().current()->config_sha256, "");
}

TEST_F(ConfigKeeperTest, APipeIsReadOnce) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(file_) << Config("acme"); });
  auto keeper = ConfigKeeper::Load(options_);
  writer.join();
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  keeper_ = *std::move(keeper);
  keeper_->Start(run_);
  EXPECT_THAT(Reload().error, HasSubstr("cannot be read again"));
  EXPECT_TRUE(Names("acme"));
}

TEST_F(ConfigKeeperTest, WhatCannotBeWrittenIsAFailureUntilItCan) {
  Start(Config("acme"));
  const std::string policy = run_ + "/" + kPolicyName;
  fs::remove(policy);
  fs::create_directory(policy);  // Not even root renames a file onto it.
  Write(Config("beta"));
  EXPECT_TRUE(WaitFor([&] { return keeper_->health().failed == 1; }));
  EXPECT_THAT(Reload().error, HasSubstr(policy + ": cannot be replaced"));
  EXPECT_TRUE(keeper_->health().failing);
  EXPECT_TRUE(keeper_->health().published.degraded);
  EXPECT_EQ(keeper_->in_force().config()->vendors[0].name, "acme");
  fs::remove(policy);
  EXPECT_TRUE(WaitFor([&] { return !keeper_->health().failing; }));
  EXPECT_TRUE(Names("beta"));
  EXPECT_EQ(keeper_->in_force().config()->vendors[0].name, "beta");
  EXPECT_EQ(keeper_->health().ok, 1u);
}

TEST_F(ConfigKeeperTest, AFailureIsTriedAgain) {
  options_.retry = milliseconds(10);
  Start(Config("acme"));
  // What is in the way of the policy raises no event of the configuration.
  const std::string policy = run_ + "/" + kPolicyName;
  fs::remove(policy);
  fs::create_directory(policy);
  Write(Config("beta"));
  EXPECT_TRUE(WaitFor([&] { return keeper_->health().failing; }));
  // The publisher tries once a second, the keeper much more often; that one
  // and the same fails again is no failure more.
  EXPECT_TRUE(
      WaitFor([&] { return keeper_->health().published.failures > 20; }));
  EXPECT_EQ(keeper_->health().failed, 1u);
  fs::remove(policy);
  EXPECT_TRUE(WaitFor([&] { return !keeper_->health().failing; }));
  EXPECT_TRUE(Names("beta"));
}

TEST_F(ConfigKeeperTest, AsksTogetherAreAnsweredTogether) {
  options_.max_requests = 10;
  Start(Config("acme"));
  std::atomic<int> answers = 0;
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    if (keeper_->Request([&](const ReloadAnswer&) { ++answers; })) ++taken;
  }
  EXPECT_GE(taken, 10);
  EXPECT_TRUE(WaitFor([&] { return answers == taken; }));
  EXPECT_LE(keeper_->health().unchanged, static_cast<std::uint64_t>(taken));
}

TEST_F(ConfigKeeperTest, WhoeverWaitsAtTheEndIsAnswered) {
  Start(Config("acme"));
  for (int i = 0; i < 20; ++i) {
    std::atomic<int> answers = 0;
    ASSERT_TRUE(keeper_->Request([&](const ReloadAnswer&) { ++answers; }));
    keeper_->Stop();
    EXPECT_EQ(answers, 1);
    EXPECT_FALSE(keeper_->Request());
    Start(Config("acme"));
  }
}

// For the thread sanitizer.
TEST_F(ConfigKeeperTest, ManyChangesWhileManyAsk) {
  constexpr int kTurns = 60;
  Start(Config("acme"));
  std::atomic<bool> done = false;
  std::atomic<int> told = 0;
  const auto subscription = keeper_->in_force().Subscribe(
      [&](const InForce& facts) { told += facts.config != nullptr ? 1 : 0; });
  std::thread reader([&] {
    while (!done) {
      keeper_->health();
      keeper_->in_force().current();
    }
  });
  std::uint64_t ok = 0;
  for (int i = 0; i < kTurns; ++i) {
    // Two in turn, and a broken one between.
    Write(i % 3 == 2 ? kBroken : Config(i % 3 == 0 ? "beta" : "acme"));
    const ReloadAnswer answer = Reload();
    EXPECT_EQ(answer.result == ReloadResult::kFailed, i % 3 == 2);
    ok = keeper_->health().ok;
  }
  done = true;
  reader.join();
  // The file's own events may have been quicker than the request.
  EXPECT_EQ(ok, kTurns / 3u * 2);
  EXPECT_EQ(told, kTurns / 3 * 2 + 1);
  EXPECT_TRUE(Names("acme"));
  keeper_->Stop();
}

}  // namespace
}  // namespace proxymeter::collector
