#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "collector/accounts/sessions_test.h"

namespace proxymeter::collector {
namespace {

TEST(Sessions, AMillionSessionsLeaveRoomForOthers) {
  constexpr int kMillion = 1'000'000;
  constexpr Owner kHostile = 1000;
  constexpr Owner kHonest = 1001;
  Sessions sessions;
  const SessionLimits limits;
  DecodedFrame frame =
      Frame(kOne, {{0, TrafficRow("evil", "a.example", 1, 1, 1)}});
  for (int i = 0; i < kMillion; ++i) {
    std::memcpy(frame.session.data(), &i, sizeof i);
    sessions.ApplyFrame(frame, kHostile);
  }
  EXPECT_EQ(sessions.Snapshot().open_sessions, limits.each_owner.sessions);
  EXPECT_EQ(Rejected(sessions, Rejection::kTooManySessions),
            kMillion - limits.each_owner.sessions);
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kTwo, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}),
                kHonest),
            std::nullopt);
  EXPECT_EQ(SortedRows(sessions)[0],
            TrafficRow("acme", "a.example", 10, 20, 1));
}

TEST(Sessions, SessionsThatEndAreNotAllRemembered) {
  constexpr int kMany = 200'000;
  constexpr Owner kHostile = 1000;
  Sessions sessions;
  sessions.Restore({});
  const SessionLimits limits;
  DecodedFrame frame =
      Frame(kOne, {{0, TrafficRow("evil", "a.example", 1, 1, 1)}});
  std::size_t retired = 0;
  std::size_t forgotten = 0;
  for (int i = 0; i < kMany; ++i) {
    std::memcpy(frame.session.data(), &i, sizeof i);
    ASSERT_EQ(sessions.ApplyFrame(frame, kHostile), std::nullopt);
    sessions.Finish(frame.session);
    if (i % 10000 == 0 || i == kMany - 1) {
      const AccountsState changes = sessions.TakeChanges();
      sessions.Committed(changes);
      retired += changes.retired.size();
      forgotten += changes.forgotten.size();
    }
  }
  EXPECT_EQ(retired, std::size_t{kMany});
  EXPECT_EQ(forgotten, kMany - limits.each_max_retired);
  EXPECT_EQ(sessions.Snapshot().rows.size(), 1u);
}

TEST(Sessions, TheLastReadingCountsWhateverTheLimits) {
  Sessions sessions({.max_sessions = 1, .max_session_rows = 1});
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 1, 1, 1)}}));
  const JournalContents journal =
      Journal(kTwo, {{0, TrafficRow("acme", "a.example", 10, 10, 10)},
                     {1, TrafficRow("acme", "b.example", 5, 5, 5)}});
  sessions.Finish(kTwo, &journal);
  sessions.Finish(kTwo, &journal);
  EXPECT_EQ(SortedRows(sessions),
            (std::vector<RowValue>{TrafficRow("acme", "a.example", 11, 11, 11),
                                   TrafficRow("acme", "b.example", 5, 5, 5)}));
  EXPECT_EQ(sessions.Snapshot().open_sessions, 1u);
}

TEST(Sessions, LimitsHold) {
  Sessions sessions({.max_sessions = 1, .max_session_rows = 2});
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kOne, {{0, TrafficRow("acme", "a.example", 1, 1, 1)}})),
            std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kTwo, {{0, TrafficRow("acme", "a.example", 1, 1, 1)}})),
            Rejection::kTooManySessions);
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kOne, {{1, TrafficRow("acme", "b.example", 1, 1, 1)},
                             {2, TrafficRow("acme", "c.example", 1, 1, 1)}})),
            Rejection::kTooManyRows);
  sessions.ApplyJournal(
      Journal(kOne, {{1, TrafficRow("acme", "b.example", 1, 1, 1)},
                     {2, TrafficRow("acme", "c.example", 1, 1, 1)}}));
  EXPECT_EQ(Rejected(sessions, Rejection::kTooManyRows), 2u);
  EXPECT_EQ(sessions.Snapshot().rows.size(), 2u);
  // The same rows are not counted as refused again and again.
  sessions.ApplyJournal(
      Journal(kOne, {{2, TrafficRow("acme", "c.example", 1, 1, 1)}}));
  EXPECT_EQ(Rejected(sessions, Rejection::kTooManyRows), 2u);
  // What a closed session used is free again.
  sessions.Finish(kOne);
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kTwo, {{0, TrafficRow("acme", "a.example", 1, 1, 1)},
                             {1, TrafficRow("acme", "b.example", 1, 1, 1)}})),
            std::nullopt);
}

TEST(Sessions, AnOwnerAtItsLimitsLeavesTheOthersExact) {
  Sessions sessions(
      {.max_session_rows = 100,
       .max_journal_bytes = 1000,
       .each_owner = {.sessions = 2, .rows = 3, .journal_bytes = 750}});
  const auto row = [](std::uint64_t n, std::uint64_t sent) {
    return IndexedRow{
        static_cast<std::uint32_t>(n),
        TrafficRow("acme", "m" + std::to_string(n) + ".example", sent, 0, 0)};
  };
  const SessionId three = TestSession(3);
  JournalContents journal = Journal(kOne, {row(0, 1)});
  journal.owner = kMallory;
  journal.file_bytes = 700;
  EXPECT_EQ(sessions.ApplyJournal(journal).rejection, std::nullopt);
  // Grown beyond its owner's share: what was taken stands.
  journal.file_bytes = 751;
  EXPECT_EQ(sessions.ApplyJournal(journal).rejection,
            Rejection::kTooManyJournalBytes);
  EXPECT_EQ(sessions.ApplyFrame(Frame(kTwo, {row(0, 1), row(1, 1)}), kMallory),
            std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(Frame(kTwo, {row(2, 1)}), kMallory),
            Rejection::kTooManyRows);
  EXPECT_EQ(sessions.ApplyFrame(Frame(three, {}), kMallory),
            Rejection::kTooManySessions);
  // What is known already is counted on.
  EXPECT_EQ(sessions.ApplyFrame(Frame(kTwo, {row(0, 5)}), kMallory),
            std::nullopt);

  JournalContents other =
      Journal(three, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}});
  other.owner = kAlice;
  other.file_bytes = 300;
  EXPECT_EQ(sessions.ApplyJournal(other).rejection, std::nullopt);
  EXPECT_EQ(SortedRows(sessions),
            (std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1),
                                   TrafficRow("acme", "m0.example", 6, 0, 0),
                                   TrafficRow("acme", "m1.example", 1, 0, 0)}));
  // A last reading counts all the same, and gives its bytes back.
  sessions.Finish(kOne, &journal);
  journal.session = TestSession(4);
  journal.file_bytes = 700;
  EXPECT_EQ(sessions.ApplyJournal(journal).rejection, std::nullopt);
}

TEST(Sessions, AnOwnerCannotMakeClosedSessionsOfOthersForgotten) {
  Sessions sessions({.max_retired = 8, .each_max_retired = 6});
  constexpr Owner kHostile = 1000;
  constexpr Owner kHonest = 1001;
  const auto frame = [](std::uint8_t number) {
    return Frame(TestSession(number),
                 {{0, TrafficRow("acme", "a.example", 1, 1, 1)}});
  };
  sessions.ApplyFrame(frame(1), kHonest);
  sessions.Finish(TestSession(1));
  for (std::uint8_t i = 10; i < 100; ++i) {
    sessions.ApplyFrame(frame(i), kHostile);
    sessions.Finish(TestSession(i));
  }
  EXPECT_EQ(sessions.ApplyFrame(frame(1), kHonest), Rejection::kUnknownSession);
  // Its own oldest it has lost.
  EXPECT_EQ(sessions.ApplyFrame(frame(10), kHostile), std::nullopt);
}

}  // namespace
}  // namespace proxymeter::collector
