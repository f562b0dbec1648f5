#include "shim/uplink/turns.h"

#include <gtest/gtest.h>

namespace proxymeter::shim {
namespace {

constexpr auto kNothing = [] {};

TEST(Turns, OneIsEnoughWhenNobodyAsks) {
  Turns turns;
  int taken = 0;
  EXPECT_TRUE(turns.Take(0, /*insists=*/true, [&] { ++taken; }));
  EXPECT_TRUE(turns.Take(0, /*insists=*/false, [&] { ++taken; }));
  EXPECT_EQ(taken, 2);
}

TEST(Turns, WhoInsistsIsServedByWhoIsAtIt) {
  Turns turns;
  int taken = 0;
  EXPECT_TRUE(turns.Take(0, /*insists=*/false, [&] {
    if (++taken == 1) turns.Take(0, /*insists=*/true, kNothing);
  }));
  EXPECT_EQ(taken, 2);
}

TEST(Turns, WhoDoesNotInsistIsNot) {
  Turns turns;
  int taken = 0;
  EXPECT_TRUE(turns.Take(0, /*insists=*/true, [&] {
    ++taken;
    turns.Take(0, /*insists=*/false, kNothing);
  }));
  EXPECT_EQ(taken, 1);
}

TEST(Turns, NobodyIsKeptForEver) {
  Turns turns;
  int taken = 0;
  const auto asked_for_again = [&] {
    // Without a bound, this ends the test rather than hang it.
    if (++taken < 1000) turns.Take(0, /*insists=*/true, kNothing);
  };
  EXPECT_FALSE(turns.Take(0, /*insists=*/true, asked_for_again));
  EXPECT_EQ(taken, Turns::kMostTurns);
  // The wish is still there for whoever is next.
  EXPECT_TRUE(turns.Take(0, /*insists=*/false, [&] { ++taken; }));
  EXPECT_EQ(taken, Turns::kMostTurns + 1);
}

TEST(Turns, AForkedChildIsNotBarred) {
  Turns turns;
  int taken = 0;
  turns.Take(0, /*insists=*/false,
             [&] { turns.Take(1, /*insists=*/false, [&] { ++taken; }); });
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace proxymeter::shim
