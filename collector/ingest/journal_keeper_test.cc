#include "collector/ingest/journal_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "collector/ingest/run_directory.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

using std::chrono::seconds;

class JournalKeeperTest : public testing::Test {
 protected:
  JournalKeeperTest() {
    auto directory = RunDirectory::Open(temp_.path());
    if (!directory.ok()) throw std::runtime_error("no run directory");
    directory_ = std::make_unique<RunDirectory>(*std::move(directory));
    keeper_ = std::make_unique<JournalKeeper>(
        directory_->journals_fd(), sessions_, JournalTimes{},
        [this](const SessionId&) { return has_process_; });
  }

  std::string Journals() const { return temp_.path() + "/journals"; }
  std::string PathOf(const SessionId& id) const {
    return Journals() + "/" + ToHex(id);
  }
  std::uint64_t Sent() const {
    std::uint64_t sum = 0;
    for (const RowValue& row : sessions_.Snapshot().rows) {
      if (row.key.kind == RowKind::kTraffic) sum += row.counters[kSentBytes];
    }
    return sum;
  }
  std::uint64_t Rejected(Rejection rejection) const {
    return sessions_.Snapshot()
        .workload.rejected[static_cast<std::size_t>(rejection)];
  }
  static Counters SentBytes(std::uint64_t bytes) {
    Counters counters{};
    counters[kSentBytes] = bytes;
    return counters;
  }

  TestDirectory temp_;
  std::unique_ptr<RunDirectory> directory_;
  Sessions sessions_;
  bool has_process_ = false;
  std::unique_ptr<JournalKeeper> keeper_;
  const JournalKeeper::TimePoint start_ = JournalKeeper::TimePoint(seconds(9));
  const SessionId id_ = TestSession(1);
};

TEST_F(JournalKeeperTest, AdoptsAndFollowsAMappedJournal) {
  JournalFixture journal(Journals(), id_);
  const auto row = journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  keeper_->Tick(start_);
  EXPECT_EQ(Sent(), 10u);
  EXPECT_TRUE(sessions_.IsOpen(id_));
  journal.SetCounters(row, SentBytes(25));
  keeper_->Tick(start_ + seconds(1));  // not due yet
  EXPECT_EQ(Sent(), 10u);
  keeper_->Tick(start_ + seconds(2));
  EXPECT_EQ(Sent(), 25u);
  EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
}

TEST_F(JournalKeeperTest, ReadsAStillJournalLessAndLessOften) {
  JournalFixture journal(Journals(), id_);
  journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  for (int second = 0; second < 100; ++second) {
    keeper_->Tick(start_ + seconds(second));
  }
  // At 0, 2, 6, 14, then every 10 seconds.
  EXPECT_EQ(sessions_.Snapshot().workload.journals_read, 12u);
}

TEST_F(JournalKeeperTest, AFrameSparesAReading) {
  JournalFixture journal(Journals(), id_);
  journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  for (int second = 0; second < 50; ++second) {
    keeper_->Heard(id_, start_ + seconds(second));
    keeper_->Tick(start_ + seconds(second));
  }
  EXPECT_EQ(sessions_.Snapshot().workload.journals_read, 0u);
}

TEST_F(JournalKeeperTest, ClosesAJournalThatNobodyMaps) {
  {
    JournalFixture journal(Journals(), id_);
    journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
    journal.Add(VendorRow("acme", 1, 9, 2));
  }
  keeper_->Tick(start_);
  EXPECT_EQ(Sent(), 17u);  // 7 of them held, now `_unknown`
  EXPECT_TRUE(sessions_.IsRetired(id_));
  EXPECT_FALSE(std::filesystem::exists(PathOf(id_)));
}

TEST_F(JournalKeeperTest, WaitsForAForkThatNeverReported) {
  JournalFixture journal(Journals(), id_);
  const auto row = journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  keeper_->Heard(id_, start_);
  keeper_->ProcessesGone(id_, start_);  // the fixture maps it still
  EXPECT_FALSE(sessions_.IsRetired(id_));
  EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
  journal.SetCounters(row, SentBytes(30));
  journal.Unmap();
  keeper_->Tick(start_ + seconds(2));
  EXPECT_EQ(Sent(), 30u);
  EXPECT_TRUE(sessions_.IsRetired(id_));
  EXPECT_FALSE(std::filesystem::exists(PathOf(id_)));
}

TEST_F(JournalKeeperTest, AKnownProcessKeepsItsSessionOpen) {
  has_process_ = true;
  {
    JournalFixture journal(Journals(), id_);
    journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  }
  keeper_->Tick(start_);
  EXPECT_EQ(Sent(), 10u);
  EXPECT_TRUE(sessions_.IsOpen(id_));
  EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
}

TEST_F(JournalKeeperTest, ClosesASessionWithoutJournalWhenAbandoned) {
  DecodedFrame frame;
  frame.session = id_;
  frame.rows = {{0, TrafficRow("acme", "a.example", 10, 0, 0)}};
  sessions_.ApplyFrame(frame);
  keeper_->Heard(id_, start_);
  keeper_->Tick(start_ + seconds(599));
  EXPECT_TRUE(sessions_.IsOpen(id_));
  keeper_->Tick(start_ + seconds(620));
  EXPECT_FALSE(sessions_.IsOpen(id_));
  EXPECT_EQ(Sent(), 10u);
}

TEST_F(JournalKeeperTest, AJournalOfAnotherUidIsNotTheSessions) {
  JournalFixture journal(Journals(), id_);
  journal.Add(TrafficRow("acme", "a.example", 99, 0, 0));
  EXPECT_EQ(keeper_->OwnerOfFile(id_), Owner(getuid()));
  EXPECT_EQ(keeper_->OwnerOfFile(TestSession(2)), Owner());
  DecodedFrame frame;
  frame.session = id_;
  frame.rows = {{0, TrafficRow("acme", "a.example", 10, 0, 0)}};
  ASSERT_EQ(sessions_.ApplyFrame(frame, getuid() + 1), std::nullopt);
  keeper_->Tick(start_);
  EXPECT_EQ(Rejected(Rejection::kWrongOwner), 1u);
  EXPECT_EQ(Sent(), 10u);
}

TEST_F(JournalKeeperTest, CountsRubbishOnce) {
  std::ofstream(Journals() + "/notes.txt") << "hello";
  ASSERT_EQ(mkfifo(PathOf(TestSession(2)).c_str(), 0666), 0);
  std::filesystem::create_symlink("/etc/passwd", PathOf(TestSession(3)));
  JournalFixture malformed(Journals(), TestSession(4));
  malformed.header().row_bytes = 1;
  JournalFixture bad_row(Journals(), TestSession(5));
  bad_row.row(bad_row.Add(VendorRow("acme", 1, 0, 0))).kind = RowKind::kNone;
  for (int second = 0; second < 60; ++second) {
    keeper_->Tick(start_ + seconds(second));
  }
  EXPECT_EQ(Rejected(Rejection::kForeignFile), 3u);
  EXPECT_EQ(Rejected(Rejection::kMalformedJournal), 1u);
  EXPECT_EQ(Rejected(Rejection::kBadRow), 1u);
  EXPECT_EQ(sessions_.Snapshot().rows.size(), 0u);
  EXPECT_TRUE(std::filesystem::exists(Journals() + "/notes.txt"));
}

TEST_F(JournalKeeperTest, RemovesAJournalThatWasNeverFinished) {
  {
    JournalFixture journal(Journals(), id_);
    journal.header().magic = 0;
    keeper_->Tick(start_);
    EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
    EXPECT_EQ(Rejected(Rejection::kMalformedJournal), 0u);
  }
  keeper_->Tick(start_ + seconds(60));
  EXPECT_FALSE(std::filesystem::exists(PathOf(id_)));
  EXPECT_EQ(Rejected(Rejection::kMalformedJournal), 1u);
}

TEST_F(JournalKeeperTest, AJournalOfALaterVersionStaysForANewerCollector) {
  {
    JournalFixture journal(Journals(), id_);
    journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
    journal.header().version = kJournalVersion + 1;
  }
  // A frame that it understands has opened the session.
  DecodedFrame frame;
  frame.session = id_;
  frame.process.has_journal = true;
  frame.rows = {{0, TrafficRow("acme", "a.example", 7, 0, 0)}};
  ASSERT_EQ(sessions_.ApplyFrame(frame, getuid()), std::nullopt);
  keeper_->Heard(id_, start_);
  keeper_->ProcessesGone(id_, start_);
  for (int second = 0; second < 60; ++second) {
    keeper_->Tick(start_ + seconds(second));
  }
  EXPECT_EQ(Rejected(Rejection::kLaterVersion), 1u);
  EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
  // What is known of it is not forgotten either.
  EXPECT_TRUE(sessions_.IsOpen(id_));
  EXPECT_EQ(Sent(), 7u);
}

TEST_F(JournalKeeperTest, JournalsOfALaterVersionStayWithinBounds) {
  constexpr std::uint64_t kLength = std::uint64_t{16} << 20;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    { JournalFixture(Journals(), TestSession(i)).header().version = 99; }
    std::filesystem::resize_file(PathOf(TestSession(i)), kLength);
  }
  { JournalFixture(Journals(), TestSession(9)).header().version = 99; }
  std::filesystem::resize_file(PathOf(TestSession(9)), std::uint64_t{1} << 40);
  for (int second = 0; second < 60; ++second) {
    keeper_->Tick(start_ + seconds(second));
  }
  // Three quarters of 64 MiB are one owner's.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(Journals()), {}),
            3);
  EXPECT_FALSE(std::filesystem::exists(PathOf(TestSession(9))));
  EXPECT_EQ(Rejected(Rejection::kLaterVersion), 6u);
}

TEST_F(JournalKeeperTest, WaitsForTheKernelsLastWordOnAConnection) {
  for (const bool told : {true, false}) {
    std::optional<std::uint64_t> sent;
    JournalKeeper keeper(
        directory_->journals_fd(), sessions_, JournalTimes{},
        [](const SessionId&) { return false; },
        [&](std::uint64_t cookie) {
          return cookie == 55 ? sent : std::nullopt;
        });
    const SessionId id = TestSession(told ? 7 : 8);
    const std::uint64_t before = Sent();
    JournalFixture journal(Journals(), id);
    journal.Add(VendorRow("acme", 1, 0, 0));
    journal.slot(0).row =
        journal.Add(TrafficRow("acme", "a.test", 5, 0, 1)) + 1;
    journal.slot(0).vendor_row = 1;
    journal.slot(0).sent = 5;
    journal.slot(0).cookie = 55;
    journal.Unmap();
    keeper.Tick(start_);
    // What is known is counted already.
    EXPECT_EQ(Sent(), before + 5);
    EXPECT_TRUE(keeper.settling());
    EXPECT_TRUE(std::filesystem::exists(PathOf(id)));
    keeper.Settle(start_ + std::chrono::milliseconds(5));
    EXPECT_TRUE(keeper.settling());
    if (told) sent = 9;
    keeper.Settle(start_ + (told ? std::chrono::milliseconds(10)
                                 : JournalTimes{}.settling));
    EXPECT_FALSE(keeper.settling());
    EXPECT_FALSE(std::filesystem::exists(PathOf(id)));
    EXPECT_FALSE(sessions_.IsOpen(id));
    EXPECT_EQ(Sent(), before + (told ? 9u : 5u));
  }
}

TEST_F(JournalKeeperTest, SocketsThatWereNeverThereAreAwaitedWithinBounds) {
  JournalKeeper keeper(
      directory_->journals_fd(), sessions_, JournalTimes{},
      [](const SessionId&) { return false; },
      [](std::uint64_t) { return std::optional<std::uint64_t>(); });
  for (std::uint8_t i = 1; i <= 4; ++i) {
    JournalFixture journal(Journals(), TestSession(i));
    journal.Add(VendorRow("acme", 1, 0, 0));
    journal.header().allocated_slots = kMaxMoreSlots;
    const std::vector<ConnectionSlot> slots(kMaxMoreSlots);
    std::string bytes(reinterpret_cast<const char*>(slots.data()),
                      slots.size() * sizeof(ConnectionSlot));
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      bytes[slot * sizeof(ConnectionSlot)] = 7;
      bytes[slot * sizeof(ConnectionSlot) +
            offsetof(ConnectionSlot, vendor_row)] = 1;
    }
    std::fstream file(journal.path(),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kMoreSlotsOffset);
    file << bytes;
  }
  keeper.Tick(start_);
  // Three quarters of four journals' sockets are one owner's.
  std::size_t waiting = 0;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    waiting += sessions_.IsOpen(TestSession(i));
  }
  EXPECT_EQ(waiting, 3u);
  keeper.Settle(start_ + JournalTimes{}.settling);
  std::uint64_t unsettled = 0;
  for (const RowValue& row : sessions_.Snapshot().rows) {
    if (row.key.kind == RowKind::kVendor) {
      unsettled += row.counters[kConnectionsUnsettled];
    }
  }
  EXPECT_EQ(unsettled, 4u * kMaxMoreSlots);
}

TEST_F(JournalKeeperTest, ReadAllClosesNothing) {
  {
    JournalFixture journal(Journals(), id_);
    journal.Add(TrafficRow("acme", "a.example", 10, 0, 0));
  }
  keeper_->ReadAll();
  EXPECT_EQ(Sent(), 10u);
  EXPECT_TRUE(sessions_.IsOpen(id_));
  EXPECT_TRUE(std::filesystem::exists(PathOf(id_)));
}

}  // namespace
}  // namespace proxymeter::collector
