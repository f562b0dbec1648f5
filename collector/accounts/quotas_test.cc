#include "collector/accounts/quotas.h"

#include <gtest/gtest.h>

#include <limits>

namespace proxymeter::collector {
namespace {

constexpr Owner kAlice = 1000;
constexpr Owner kBob = 1001;
constexpr Owner kNobody = std::nullopt;

constexpr Usage kWhole = {.sessions = 4, .rows = 8, .journal_bytes = 100};
constexpr Usage kEach = {.sessions = 3, .rows = 6, .journal_bytes = 75};

TEST(Quotas, OneOwnerLeavesRoomForAnother) {
  Quotas quotas(kWhole, kEach);
  quotas.Take(kAlice, {3, 6, 75});
  EXPECT_EQ(quotas.Refusal(kAlice, {.sessions = 1}),
            Rejection::kTooManySessions);
  EXPECT_EQ(quotas.Refusal(kAlice, {.rows = 1}), Rejection::kTooManyRows);
  EXPECT_EQ(quotas.Refusal(kAlice, {.journal_bytes = 1}),
            Rejection::kTooManyJournalBytes);
  EXPECT_EQ(quotas.Refusal(kBob, {1, 2, 25}), std::nullopt);
  EXPECT_EQ(quotas.Refusal(kNobody, {1, 2, 25}), std::nullopt);
}

TEST(Quotas, TheWholeIsALimitToo) {
  Quotas quotas(kWhole, kEach);
  quotas.Take(kAlice, {3, 6, 75});
  EXPECT_EQ(quotas.Refusal(kBob, {.sessions = 2}), Rejection::kTooManySessions);
  EXPECT_EQ(quotas.Refusal(kBob, {.rows = 3}), Rejection::kTooManyRows);
  EXPECT_EQ(quotas.Refusal(kBob, {.journal_bytes = 26}),
            Rejection::kTooManyJournalBytes);
}

TEST(Quotas, WhatIsGivenBackIsFreeAgain) {
  Quotas quotas(kWhole, kEach);
  quotas.Take(kAlice, {3, 6, 75});
  quotas.GiveBack(kAlice, {1, 6, 0});
  EXPECT_EQ(quotas.UsedBy(kAlice), (Usage{2, 0, 75}));
  EXPECT_EQ(quotas.used(), quotas.UsedBy(kAlice));
  EXPECT_EQ(quotas.Refusal(kAlice, {.sessions = 1, .rows = 6}), std::nullopt);
  quotas.GiveBack(kAlice, {2, 0, 75});
  EXPECT_EQ(quotas.Refusal(kBob, kEach), std::nullopt);
}

TEST(Quotas, BeyondTheLimitNothingMoreIsGivenAndTheRestGoesOn) {
  Quotas quotas(kWhole, kEach);
  quotas.Take(kAlice, {10, 0, 0});
  EXPECT_EQ(quotas.Refusal(kAlice, {.sessions = 1}),
            Rejection::kTooManySessions);
  EXPECT_EQ(quotas.Refusal(kAlice, {.rows = 1}), std::nullopt);
  EXPECT_EQ(
      quotas.Refusal(
          kAlice, {.journal_bytes = std::numeric_limits<std::uint64_t>::max()}),
      Rejection::kTooManyJournalBytes);
}

}  // namespace
}  // namespace proxymeter::collector
