#include "collector/accounts/sessions.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "collector/accounts/sessions_test.h"

namespace proxymeter::collector {
namespace {

TEST(Sessions, CumulativeValuesAreCountedOnce) {
  Sessions sessions;
  const DecodedFrame first =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}});
  const DecodedFrame second =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 15, 90, 2)}});
  EXPECT_EQ(sessions.ApplyFrame(first), std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(first), std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(second), std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(second), std::nullopt);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 15, 90, 2)});
  EXPECT_EQ(sessions.Snapshot().workload.frames, 4u);
}

TEST(Sessions, SessionsAddUp) {
  Sessions sessions;
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}));
  sessions.ApplyFrame(
      Frame(kTwo, {{9, TrafficRow("acme", "a.example", 1, 2, 3)}}));
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 11, 22, 4)});
  EXPECT_EQ(sessions.Snapshot().open_sessions, 2u);
}

TEST(Sessions, FrameAndJournalOfASessionMeet) {
  Sessions sessions;
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}, true));
  const JournalContents journal =
      Journal(kOne, {{0, TrafficRow("acme", "a.example", 30, 20, 3)},
                     {1, TrafficRow("acme", "b.example", 5, 5, 1)}});
  EXPECT_TRUE(sessions.ApplyJournal(journal).changed);
  EXPECT_FALSE(sessions.ApplyJournal(journal).changed);
  // A frame from before the reading, arriving after it.
  EXPECT_EQ(sessions.ApplyFrame(Frame(
                kOne, {{0, TrafficRow("acme", "a.example", 20, 20, 2)}}, true)),
            std::nullopt);
  EXPECT_EQ(SortedRows(sessions),
            (std::vector<RowValue>{TrafficRow("acme", "a.example", 30, 20, 3),
                                   TrafficRow("acme", "b.example", 5, 5, 1)}));
  EXPECT_EQ(Rejected(sessions, Rejection::kCounterDecreased), 0u);
}

TEST(Sessions, AJournalThatTakesBackIsCountedOnceAndTakesNothing) {
  Sessions sessions;
  sessions.ApplyJournal(
      Journal(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)},
                     {1, TrafficRow("acme", "b.example", 5, 5, 1)}}));
  for (int i = 0; i < 3; ++i) {
    sessions.ApplyJournal(
        Journal(kOne, {{0, TrafficRow("acme", "a.example", 0, 25, 1)},
                       {1, TrafficRow("acme", "b.example", 6, 6, 1)}}));
  }
  EXPECT_EQ(SortedRows(sessions),
            (std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 25, 1),
                                   TrafficRow("acme", "b.example", 6, 6, 1)}));
  EXPECT_EQ(Rejected(sessions, Rejection::kCounterDecreased), 1u);
}

TEST(Sessions, ADecreaseWithoutJournalIsRefusedWhole) {
  Sessions sessions;
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)},
                   {1, TrafficRow("acme", "b.example", 10, 20, 1)}}));
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kOne, {{0, TrafficRow("acme", "a.example", 99, 99, 9)},
                             {1, TrafficRow("acme", "b.example", 9, 30, 2)}})),
            Rejection::kCounterDecreased);
  EXPECT_EQ(Rejected(sessions, Rejection::kCounterDecreased), 1u);
  EXPECT_EQ(
      SortedRows(sessions),
      (std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1),
                             TrafficRow("acme", "b.example", 10, 20, 1)}));
}

TEST(Sessions, ForksWithoutJournalMayOvertakeEachOther) {
  Sessions sessions;
  const auto say = [&sessions](Sessions::Sender sender, std::uint64_t sent,
                               std::uint64_t received) {
    return sessions.ApplyFrame(
        Frame(kOne, {{0, TrafficRow("acme", "a.example", sent, received, 1)}}),
        {}, Sessions::Opening::kNewOrOpen, sender);
  };
  EXPECT_EQ(say(1, 10, 20), std::nullopt);
  EXPECT_EQ(say(2, 30, 30), std::nullopt);
  // Read before the other's, sent after it; one counter had gone on meanwhile.
  EXPECT_EQ(say(1, 15, 35), std::nullopt);
  EXPECT_EQ(say(2, 29, 30), std::nullopt);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 30, 35, 1)});
  EXPECT_EQ(Rejected(sessions, Rejection::kCounterDecreased), 0u);
}

TEST(Sessions, AnOlderFrameTakesNothingWithItThatIsNew) {
  Sessions sessions;
  const RowValue a = TrafficRow("acme", "a.example", 5, 5, 1);
  sessions.ApplyFrame(Frame(kOne, {{0, a}}), {}, Sessions::Opening::kNewOrOpen,
                      1);
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 1, 1, 1)},
                   {1, TrafficRow("acme", "b.example", 7, 7, 1)}}),
      {}, Sessions::Opening::kNewOrOpen, 2);
  EXPECT_EQ(
      SortedRows(sessions),
      (std::vector<RowValue>{a, TrafficRow("acme", "b.example", 7, 7, 1)}));
}

TEST(Sessions, ADecreaseFromWhoIsNotKnownIsNone) {
  Sessions sessions;
  for (const std::uint64_t bytes : {10, 9}) {
    EXPECT_EQ(
        sessions.ApplyFrame(
            Frame(kOne, {{0, TrafficRow("acme", "a.example", bytes, 1, 1)}}),
            {}, Sessions::Opening::kNewOrOpen, std::nullopt),
        std::nullopt);
  }
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 1, 1)});
}

TEST(Sessions, AKeyNeverChanges) {
  Sessions sessions;
  sessions.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}));
  EXPECT_EQ(sessions.ApplyFrame(
                Frame(kOne, {{0, TrafficRow("acme", "b.example", 50, 50, 5)}})),
            Rejection::kKeyChanged);
  // In a journal the other rows are good still.
  const auto result = sessions.ApplyJournal(
      Journal(kOne, {{0, TrafficRow("acme", "b.example", 50, 50, 5)},
                     {1, TrafficRow("acme", "c.example", 1, 1, 1)}}));
  EXPECT_EQ(result.rejection, std::nullopt);
  EXPECT_TRUE(result.changed);
  EXPECT_EQ(Rejected(sessions, Rejection::kKeyChanged), 2u);
  EXPECT_EQ(SortedRows(sessions),
            (std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1),
                                   TrafficRow("acme", "c.example", 1, 1, 1)}));
}

TEST(Sessions, FinishGivesHeldBytesToUnknownOnce) {
  Sessions sessions;
  RowValue vendor = VendorRow("acme", 3, 100, 40);
  vendor.counters[kHeldReceivedBytes] = 7;
  vendor.counters[kReleasedReceivedBytes] = 9;  // more than held: nothing left
  sessions.ApplyFrame(Frame(kOne, {{0, vendor}}));
  EXPECT_EQ(SortedRows(sessions), std::vector<RowValue>{vendor});

  sessions.Finish(kOne);
  sessions.Finish(kOne);
  vendor.counters[kReleasedSentBytes] = 100;
  RowValue unknown{.key = {.kind = RowKind::kTraffic,
                           .vendor = "acme",
                           .destination = kUnknownDestination}};
  unknown.counters[kSentBytes] = 60;
  EXPECT_EQ(SortedRows(sessions), (std::vector<RowValue>{unknown, vendor}));
  EXPECT_EQ(sessions.Snapshot().open_sessions, 0u);
}

TEST(Sessions, AFinishedSessionIsUnknown) {
  Sessions sessions;
  const DecodedFrame frame =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}});
  sessions.ApplyFrame(frame);
  sessions.Finish(kOne);
  EXPECT_TRUE(sessions.IsRetired(kOne));
  EXPECT_FALSE(sessions.IsOpen(kOne));
  EXPECT_EQ(sessions.ApplyFrame(frame), Rejection::kUnknownSession);
  EXPECT_EQ(sessions.ApplyJournal(Journal(kOne, frame.rows)).rejection,
            Rejection::kUnknownSession);
  EXPECT_EQ(Rejected(sessions, Rejection::kUnknownSession), 2u);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1)});
}

TEST(Sessions, RowsThatWereLeftOutAreCountedOnceEach) {
  Sessions sessions;
  DecodedFrame frame =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}});
  frame.bad_rows = {1, 7, kMaxJournalRows, 4'000'000'000};
  EXPECT_EQ(sessions.ApplyFrame(frame), std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(frame), std::nullopt);
  // Those that no journal has count as one.
  EXPECT_EQ(Rejected(sessions, Rejection::kBadRow), 3u);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1)});
  EXPECT_EQ(sessions.Snapshot().workload.frames, 2u);
}

TEST(Sessions, OnlyANewSessionWhereOneIsAskedFor) {
  Sessions sessions;
  const DecodedFrame frame = Frame(kOne, {});
  EXPECT_EQ(sessions.ApplyFrame(frame, {}, Sessions::Opening::kNew),
            std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(frame, {}, Sessions::Opening::kNew),
            Rejection::kSessionInUse);
}

TEST(Sessions, AStrangersFrameIsRefused) {
  Sessions sessions;
  const DecodedFrame good =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}});
  const DecodedFrame bad =
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 99, 99, 9)}});
  ASSERT_EQ(sessions.ApplyFrame(good, kAlice), std::nullopt);
  EXPECT_EQ(sessions.ApplyFrame(bad, kMallory), Rejection::kWrongOwner);
  EXPECT_EQ(sessions.ApplyFrame(bad, /*owner=*/{}, Sessions::Opening::kNew),
            Rejection::kWrongOwner);
  EXPECT_EQ(Rejected(sessions, Rejection::kWrongOwner), 2u);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1)});
}

TEST(Sessions, AStrangersJournalIsRefusedAndSoIsItsEnd) {
  Sessions sessions;
  ASSERT_EQ(
      sessions.ApplyFrame(
          Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}, true),
          kAlice),
      std::nullopt);
  JournalContents forged =
      Journal(kOne, {{0, TrafficRow("acme", "a.example", 99, 99, 9)}});
  forged.owner = kMallory;
  EXPECT_EQ(sessions.ApplyJournal(forged).rejection, Rejection::kWrongOwner);
  sessions.Finish(kOne, &forged);
  EXPECT_EQ(Rejected(sessions, Rejection::kWrongOwner), 2u);
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1)});
}

TEST(Sessions, OwnersSurviveTheLedger) {
  Sessions first;
  first.Restore({});
  first.ApplyFrame(
      Frame(kOne, {{0, TrafficRow("acme", "a.example", 10, 20, 1)}}), kAlice);
  Sessions second({.each_owner = {.sessions = 1, .rows = 1}});
  second.Restore(first.TakeChanges());
  EXPECT_EQ(second.ApplyFrame(Frame(kOne, {}), kMallory),
            Rejection::kWrongOwner);
  EXPECT_EQ(second.ApplyFrame(Frame(kTwo, {}), kAlice),
            Rejection::kTooManySessions);
  EXPECT_EQ(
      second.ApplyFrame(
          Frame(kOne, {{1, TrafficRow("acme", "b.example", 1, 1, 1)}}), kAlice),
      Rejection::kTooManyRows);
  EXPECT_EQ(second.ApplyFrame(Frame(kTwo, {}), kMallory), std::nullopt);
}

TEST(Sessions, ManyThreadsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kFrames = 200;
  Sessions sessions;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&sessions, t] {
      const SessionId id = TestSession(static_cast<std::uint8_t>(t));
      for (std::uint64_t i = 1; i <= kFrames; ++i) {
        sessions.ApplyFrame(
            Frame(id, {{0, TrafficRow("acme", "a.example", i, 2 * i, i)}}));
        if (i % 50 == 0) sessions.Snapshot();
      }
      sessions.Finish(id);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(SortedRows(sessions),
            std::vector<RowValue>{
                TrafficRow("acme", "a.example", kThreads * kFrames,
                           2 * kThreads * kFrames, kThreads * kFrames)});
}

}  // namespace
}  // namespace proxymeter::collector
