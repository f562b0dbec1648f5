#include "shim/protocol/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>

namespace proxymeter::protocol {
namespace {

constexpr std::size_t kSize = 64 * 1024;

class ArenaTest : public testing::Test {
 protected:
  ArenaTest() { arena_.Begin(memory_.get(), kSize); }

  bool IsInside(const void* object, std::size_t size) const {
    const auto* start = static_cast<const unsigned char*>(object);
    return start >= memory_.get() && start + size <= memory_.get() + kSize;
  }

  std::unique_ptr<unsigned char[]> memory_ =
      std::make_unique<unsigned char[]>(kSize);
  Arena arena_;
};

TEST_F(ArenaTest, ObjectsKeepWhatTheyHoldWhateverComesAndGoes) {
  struct Object {
    std::size_t size;
    unsigned char fill;
  };
  std::mt19937 engine(7);
  std::map<unsigned char*, Object> objects;
  int refused = 0;
  for (int round = 0; round < 50'000; ++round) {
    if (engine() % 2 == 0 || objects.empty()) {
      const std::size_t size = engine() % (engine() % 8 == 0 ? 6000 : 200);
      auto* object = static_cast<unsigned char*>(arena_.Allocate(size));
      if (object == nullptr) {
        ++refused;
        continue;
      }
      ASSERT_TRUE(IsInside(object, size));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(object) % 16, 0u);
      const auto next = objects.lower_bound(object);
      ASSERT_TRUE(next == objects.end() || object + size <= next->first);
      const auto fill = static_cast<unsigned char>(engine());
      std::memset(object, fill, size);
      objects[object] = {size, fill};
    } else {
      auto victim = objects.lower_bound(memory_.get() + engine() % kSize);
      if (victim == objects.end()) victim = objects.begin();
      const auto [object, held] = *victim;
      for (std::size_t i = 0; i < held.size; ++i) {
        ASSERT_EQ(object[i], held.fill);
      }
      objects.erase(victim);
      arena_.Free(object);
    }
  }
  EXPECT_GT(refused, 100);
  for (const auto& [object, held] : objects) arena_.Free(object);
  // What was cut up has become one again.
  EXPECT_NE(arena_.Allocate(kSize - 64), nullptr);
}

TEST_F(ArenaTest, ResizeKeepsTheContent) {
  auto* object = static_cast<char*>(arena_.Resize(nullptr, 10));
  std::memcpy(object, "0123456789", 10);
  arena_.Allocate(1);
  auto* larger = static_cast<char*>(arena_.Resize(object, 5000));
  ASSERT_NE(larger, nullptr);
  EXPECT_EQ(std::memcmp(larger, "0123456789", 10), 0);
  EXPECT_EQ(arena_.Resize(larger, kSize), nullptr);
  EXPECT_EQ(std::memcmp(larger, "0123456789", 10), 0);
  auto* smaller = static_cast<char*>(arena_.Resize(larger, 4));
  ASSERT_NE(smaller, nullptr);
  EXPECT_EQ(std::memcmp(smaller, "0123", 4), 0);
}

TEST_F(ArenaTest, MemoryThatWasNeverNeededIsNotTouched) {
  std::memset(memory_.get(), 0x5a, kSize);
  arena_.Begin(memory_.get(), kSize);
  for (int round = 0; round < 1000; ++round) {
    void* first = arena_.Allocate(100);
    void* second = arena_.Allocate(300);
    arena_.Free(first);
    arena_.Free(second);
  }
  for (std::size_t at = 1024; at < kSize; ++at) {
    ASSERT_EQ(memory_[at], 0x5a) << at;
  }
}

TEST_F(ArenaTest, TooLittleMemoryIsNoMemory) {
  for (std::size_t size = 0; size < 24; ++size) {
    arena_.Begin(memory_.get(), size);
    EXPECT_EQ(arena_.Allocate(1), nullptr) << size;
  }
  arena_.Begin(memory_.get(), kSize);
  EXPECT_EQ(arena_.Allocate(kSize), nullptr);
  EXPECT_EQ(arena_.Allocate(static_cast<std::size_t>(-1)), nullptr);
  arena_.Free(nullptr);
}

}  // namespace
}  // namespace proxymeter::protocol
