#include "collector/accounts/retired_sessions.h"

#include <gtest/gtest.h>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

constexpr Owner kHostile = 1000;
constexpr Owner kHonest = 1001;

SessionId Id(int number) {
  SessionId id = TestSession(static_cast<std::uint8_t>(number));
  id[1] = static_cast<std::uint8_t>(number >> 8);
  return id;
}

TEST(RetiredSessions, TheOldestIsForgottenFirst) {
  RetiredSessions retired(/*whole=*/3, /*each=*/3);
  EXPECT_EQ(retired.Add(Id(1), kHonest), std::nullopt);
  EXPECT_EQ(retired.Add(Id(2), kHostile), std::nullopt);
  EXPECT_EQ(retired.Add(Id(3), kHonest), std::nullopt);
  EXPECT_EQ(retired.Add(Id(4), kHostile), Id(1));
  EXPECT_EQ(retired.Add(Id(5), kHonest), Id(2));
  EXPECT_FALSE(retired.Contains(Id(2)));
  EXPECT_TRUE(retired.Contains(Id(3)));
}

TEST(RetiredSessions, OneOwnerCannotMakeThoseOfAnotherForgotten) {
  RetiredSessions retired(/*whole=*/16, /*each=*/12);
  for (int i = 0; i < 4; ++i) retired.Add(Id(i), kHonest);
  for (int i = 100; i < 1000; ++i) {
    const auto forgotten = retired.Add(Id(i), kHostile);
    if (i >= 112) {
      EXPECT_EQ(forgotten, Id(i - 12));
    } else {
      EXPECT_EQ(forgotten, std::nullopt);
    }
  }
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(retired.Contains(Id(i)));
}

TEST(RetiredSessions, WhatIsRestoredHasTheWhole) {
  RetiredSessions retired(/*whole=*/4, /*each=*/2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(retired.Restore(Id(i)), std::nullopt);
  EXPECT_EQ(retired.Restore(Id(4)), Id(0));
  EXPECT_EQ(retired.Add(Id(5), kHostile), Id(1));
  EXPECT_EQ(retired.Add(Id(6), kHostile), Id(2));
  EXPECT_EQ(retired.Add(Id(7), kHostile), Id(5));
  EXPECT_TRUE(retired.Contains(Id(3)));
  EXPECT_TRUE(retired.Contains(Id(4)));
}

TEST(RetiredSessions, WhatIsForgottenMayComeAgain) {
  RetiredSessions retired(/*whole=*/2, /*each=*/1);
  retired.Add(Id(1), kHonest);
  EXPECT_EQ(retired.Add(Id(2), kHonest), Id(1));
  EXPECT_EQ(retired.Add(Id(1), kHostile), std::nullopt);
  EXPECT_TRUE(retired.Contains(Id(1)));
  EXPECT_TRUE(retired.Contains(Id(2)));
}

}  // namespace
}  // namespace proxymeter::collector
