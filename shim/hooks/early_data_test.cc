#include "shim/hooks/early_data.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace proxymeter::shim {
namespace {

EarlyData::Key KeyOf(std::uint64_t number) { return {number, 2, 3, 4}; }

protocol::Bytes View(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class EarlyDataTest : public testing::Test {
 protected:
  std::string Taken(const EarlyData::Key& key) {
    std::string taken = "nothing";
    early_->Take(key, [&](protocol::Bytes data, std::uint64_t rest) {
      taken.assign(data.begin(), data.end());
      rest_ = rest;
    });
    return taken;
  }

  std::unique_ptr<EarlyData> early_ = std::make_unique<EarlyData>();
  std::uint64_t rest_ = 0;
};

TEST_F(EarlyDataTest, IsKeptBySessionAndTakenOnce) {
  EXPECT_FALSE(early_->any());
  EXPECT_TRUE(early_->Keep(KeyOf(1), View("one ")));
  EXPECT_TRUE(early_->Keep(KeyOf(9), View("other")));
  EXPECT_TRUE(early_->Keep(KeyOf(1), View("more")));
  EXPECT_EQ(early_->Size(KeyOf(1)), 8u);
  EXPECT_EQ(Taken(KeyOf(1)), "one more");
  EXPECT_EQ(Taken(KeyOf(1)), "nothing");
  EXPECT_EQ(Taken({9, 0, 0, 0}), "nothing");  // only word 0 is the same
  EXPECT_TRUE(early_->any());
  early_->Drop(KeyOf(9));
  EXPECT_FALSE(early_->any());
}

TEST_F(EarlyDataTest, WhatFindsNoRoomIsCounted) {
  const std::string most(16000, 'x');
  EXPECT_TRUE(early_->Keep(KeyOf(1), View(most)));
  EXPECT_TRUE(early_->Keep(KeyOf(1), View(std::string(1000, 'y'))));
  EXPECT_TRUE(early_->Keep(KeyOf(1), View("z")));
  EXPECT_EQ(early_->Size(KeyOf(1)), 17001u);
  EXPECT_EQ(Taken(KeyOf(1)), most + std::string(384, 'y'));
  EXPECT_EQ(rest_, 617u);
}

TEST_F(EarlyDataTest, TheOldestMakesRoomAndThatIsSaid) {
  for (std::uint64_t number = 1; number <= 16; ++number) {
    EXPECT_TRUE(early_->Keep(KeyOf(number), View("kept")));
  }
  EXPECT_FALSE(early_->Keep(KeyOf(17), View("new")));
  EXPECT_EQ(Taken(KeyOf(1)), "nothing");
  EXPECT_EQ(Taken(KeyOf(2)), "kept");
  EXPECT_EQ(Taken(KeyOf(17)), "new");
}

TEST_F(EarlyDataTest, ASessionWithoutARandomIsNone) {
  EXPECT_FALSE(early_->Keep({0, 2, 3, 4}, View("lost")));
  EXPECT_EQ(early_->Size({0, 2, 3, 4}), 0u);
}

}  // namespace
}  // namespace proxymeter::shim
