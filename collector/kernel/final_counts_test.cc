#include "collector/kernel/final_counts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

namespace fs = std::filesystem;

class FinalCountsTest : public testing::Test {
 protected:
  TestDirectory temp_;
  const std::string file_ = temp_.path() + "/final_counts";
};

TEST_F(FinalCountsTest, TheNextCollectorKnowsWhatThisOneHeard) {
  {
    FinalCounts counts(file_);
    EXPECT_TRUE(counts.in_file());
    counts.Note(7, 100);
    counts.Note(8, 0);
    EXPECT_EQ(counts.SentBy(7), 100u);
    EXPECT_EQ(counts.SentBy(9), std::nullopt);
  }
  FinalCounts counts(file_);
  EXPECT_EQ(counts.SentBy(7), 100u);
  EXPECT_EQ(counts.SentBy(8), 0u);
  EXPECT_EQ(counts.SentBy(9), std::nullopt);
}

TEST_F(FinalCountsTest, TheOldestGoFirst) {
  for (int life = 0; life < 2; ++life) {
    FinalCounts counts(file_);
    if (life == 0) {
      for (std::uint64_t i = 1; i <= FinalCounts::kCapacity + 2; ++i) {
        counts.Note(i, 10 * i);
      }
    }
    EXPECT_EQ(counts.SentBy(1), std::nullopt);
    EXPECT_EQ(counts.SentBy(2), std::nullopt);
    EXPECT_EQ(counts.SentBy(3), 30u);
    EXPECT_EQ(counts.SentBy(FinalCounts::kCapacity + 2),
              10 * (FinalCounts::kCapacity + 2));
  }
}

TEST_F(FinalCountsTest, AFileOfAnotherBootIsBegunAnew) {
  { FinalCounts(file_).Note(7, 100); }
  {
    // The boot's name stands behind the magic.
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8);
    file.put('z');
  }
  EXPECT_EQ(FinalCounts(file_).SentBy(7), std::nullopt);
}

TEST_F(FinalCountsTest, ATruncatedFileIsBegunAnew) {
  { FinalCounts(file_).Note(7, 100); }
  fs::resize_file(file_, 5000);
  FinalCounts counts(file_);
  EXPECT_TRUE(counts.in_file());
  EXPECT_EQ(counts.SentBy(7), std::nullopt);
  counts.Note(8, 1);
  EXPECT_EQ(counts.SentBy(8), 1u);
}

TEST_F(FinalCountsTest, WithoutAFileMemoryServes) {
  fs::create_directory(file_);
  FinalCounts counts(file_);
  EXPECT_FALSE(counts.in_file());
  counts.Note(7, 100);
  EXPECT_EQ(counts.SentBy(7), 100u);
}

}  // namespace
}  // namespace proxymeter::collector
