#include "collector/reload/config_in_force.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace proxymeter::collector {
namespace {

InForce Facts(std::size_t vendors) {
  return {.config = std::make_shared<const VendorConfig>(), .vendors = vendors};
}

TEST(ConfigInForce, CountsGenerationsAndKeepsWhatIsHeld) {
  const auto before = std::chrono::system_clock::now();
  ConfigInForce in_force(Facts(1));
  const std::shared_ptr<const InForce> first = in_force.current();
  EXPECT_EQ(first->generation, 1u);
  EXPECT_GE(first->since, before);
  EXPECT_EQ(in_force.config(), first->config);
  in_force.Put(Facts(2));
  EXPECT_EQ(in_force.current()->generation, 2u);
  EXPECT_EQ(in_force.current()->vendors, 2u);
  EXPECT_EQ(first->vendors, 1u);
}

TEST(ConfigInForce, TellsAtOnceAndThenEveryChange) {
  ConfigInForce in_force(Facts(1));
  std::vector<std::size_t> told;
  {
    ConfigInForce::Subscription subscription =
        in_force.Subscribe([&](const InForce& facts) {
          // What is asked for is what is told.
          EXPECT_EQ(in_force.current()->generation, facts.generation);
          told.push_back(facts.vendors);
        });
    in_force.Put(Facts(2));
    const ConfigInForce::Subscription moved = std::move(subscription);
    in_force.Put(Facts(3));
  }
  in_force.Put(Facts(4));
  EXPECT_EQ(told, (std::vector<std::size_t>{1, 2, 3}));
}

// For the thread sanitizer; and nobody sees generations go back.
TEST(ConfigInForce, ManyMayAskAndSubscribeWhileItChanges) {
  constexpr std::size_t kChanges = 300;
  ConfigInForce in_force(Facts(1));
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> told = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      std::uint64_t last = 0;
      while (!done) {
        const auto current = in_force.current();
        EXPECT_GE(current->generation, last);
        EXPECT_EQ(current->vendors, current->generation);
        last = current->generation;
      }
    });
    threads.emplace_back([&] {
      while (!done) {
        std::uint64_t last = 0;
        const auto subscription =
            in_force.Subscribe([&, first = true](const InForce& facts) mutable {
              // One by one, and none left out.
              EXPECT_TRUE(first || facts.generation == last + 1);
              first = false;
              last = facts.generation;
              ++told;
            });
        std::this_thread::yield();
      }
    });
  }
  for (std::size_t i = 2; i <= kChanges; ++i) in_force.Put(Facts(i));
  while (told == 0) std::this_thread::yield();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in_force.current()->generation, kChanges);
}

}  // namespace
}  // namespace proxymeter::collector
