// Crawlers that lie, in one directory with one that does not.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>

#include "collector/ingest/journal_keeper.h"
#include "collector/ingest/run_directory.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

using std::chrono::seconds;

const SessionId kHonest = TestSession(1);
const SessionId kHostile = TestSession(2);

// A keeper of a directory where an honest crawler counts.
class HostileNeighbours : public testing::Test {
 protected:
  HostileNeighbours() : directory_(*RunDirectory::Open(temp_.path())) {
    honest_ = std::make_unique<JournalFixture>(Journals(), kHonest);
    row_ = honest_->Add(TrafficRow("acme", "a.example", 0, 0, 0));
  }

  std::string Journals() const { return temp_.path() + "/journals"; }
  std::string PathOf(const SessionId& id) const {
    return Journals() + "/" + ToHex(id);
  }
  std::uint64_t Rejected(Rejection rejection) const {
    return sessions_.Snapshot()
        .workload.rejected[static_cast<std::size_t>(rejection)];
  }

  // So many seconds, in each of which the honest one counts.
  void Pass(int count) {
    for (int i = 0; i < count; ++i) {
      ++counted_;
      honest_->SetCounters(row_, TrafficRow("acme", "a.example", counted_,
                                            2 * counted_, counted_)
                                     .counters);
      keeper_.Tick(now_ += seconds(1));
    }
  }

  void ExpectTheHonestOneExact() {
    honest_->Unmap();
    keeper_.ProcessesGone(kHonest, now_);
    std::vector<RowValue> rows = sessions_.Snapshot().rows;
    std::erase_if(rows,
                  [](const RowValue& row) { return row.key.vendor != "acme"; });
    EXPECT_EQ(rows,
              std::vector<RowValue>{TrafficRow("acme", "a.example", counted_,
                                               2 * counted_, counted_)});
    EXPECT_TRUE(sessions_.IsRetired(kHonest));
  }

  // Each reason, and how often it was given.
  void ExpectRejected(Rejection reason, std::uint64_t times) {
    const auto rejected = sessions_.Snapshot().workload.rejected;
    for (std::size_t i = 0; i < kRejections; ++i) {
      const auto each = static_cast<Rejection>(i);
      EXPECT_EQ(rejected[i], each == reason ? times : 0) << Name(each);
    }
  }

  const TestDirectory temp_;
  RunDirectory directory_;
  Sessions sessions_;
  JournalKeeper keeper_{directory_.journals_fd(), sessions_, JournalTimes{},
                        [](const SessionId&) { return true; }};
  std::unique_ptr<JournalFixture> honest_;
  std::uint32_t row_ = 0;
  std::uint64_t counted_ = 0;
  JournalKeeper::TimePoint now_{seconds(9)};
};

TEST_F(HostileNeighbours, ALink) {
  std::filesystem::create_symlink(PathOf(kHonest), PathOf(kHostile));
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kForeignFile, 1);
}

TEST_F(HostileNeighbours, APipe) {
  ASSERT_EQ(mkfifo(PathOf(kHostile).c_str(), 0666), 0);
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kForeignFile, 1);
}

TEST_F(HostileNeighbours, TheNameOfAnother) {
  // Its own journal under a second name: the header tells whose it is.
  std::filesystem::copy_file(PathOf(kHonest), PathOf(kHostile));
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kMalformedJournal, 1);
}

TEST_F(HostileNeighbours, AFrameInTheNameOfAnother) {
  Pass(1);
  DecodedFrame frame;
  frame.session = kHonest;
  frame.process.has_journal = true;
  frame.rows = {{row_, TrafficRow("acme", "a.example", 1u << 30, 0, 0)}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(sessions_.ApplyFrame(frame, getuid() + 1),
              Rejection::kWrongOwner);
  }
  Pass(10);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kWrongOwner, 10);
}

TEST_F(HostileNeighbours, LengthsBeyondAll) {
  JournalFixture journal(Journals(), kHostile);
  JournalRow& row =
      journal.row(journal.Add(TrafficRow("evil", "a.example", 1, 1, 1)));
  row.vendor_length = 255;
  row.destination_length = 255;
  journal.header().claimed_rows = ~0u;
  journal.header().allocated_rows = ~0u;
  Pass(60);
  ExpectTheHonestOneExact();
  EXPECT_EQ(Rejected(Rejection::kBadRow), 1u);
  // It says that it has more rows than the file holds.
  EXPECT_EQ(Rejected(Rejection::kMalformedJournal), 1u);
}

TEST_F(HostileNeighbours, AFileWithoutEnd) {
  JournalFixture journal(Journals(), kHostile);
  journal.Add(TrafficRow("evil", "a.example", 1, 1, 1));
  std::filesystem::resize_file(PathOf(kHostile), std::uint64_t{1} << 40);
  Pass(60);
  ExpectTheHonestOneExact();
  EXPECT_GE(Rejected(Rejection::kTooManyJournalBytes), 1u);
  EXPECT_FALSE(sessions_.IsOpen(kHostile));
}

TEST_F(HostileNeighbours, TextThatIsNone) {
  JournalFixture journal(Journals(), kHostile);
  for (const char* text : {"\xff\xfe", "a\"b", "a\nb", "\x7f", "\xc3\xa9"}) {
    journal.Add(TrafficRow("evil", text, 1, 1, 1));
  }
  journal.Add(TrafficRow("evil\xff", "a.example", 1, 1, 1));
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kBadRow, 6);
}

TEST_F(HostileNeighbours, RowsThatDecrease) {
  JournalFixture journal(Journals(), kHostile);
  const auto row = journal.Add(TrafficRow("evil", "a.example", 9, 9, 9));
  Pass(1);
  journal.SetCounters(row, TrafficRow("evil", "a.example", 3, 9, 9).counters);
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kCounterDecreased, 1);
}

TEST_F(HostileNeighbours, RowsThatBecomeAnother) {
  JournalFixture journal(Journals(), kHostile);
  const auto row = journal.Add(TrafficRow("evil", "a.example", 9, 9, 9));
  Pass(1);
  journal.row(row).text[0] = 'x';
  Pass(60);
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kKeyChanged, 1);
}

TEST_F(HostileNeighbours, TruncatedWhileItIsRead) {
  constexpr std::uint64_t kRows = 100;
  JournalFixture journal(Journals(), kHostile);
  for (std::uint64_t i = 0; i < kRows; ++i) {
    journal.Add(TrafficRow("evil", std::to_string(i) + ".example", 1, 1, 1));
  }
  journal.Unmap();  // whoever maps it is the one to get SIGBUS
  const auto whole = std::filesystem::file_size(PathOf(kHostile));
  std::atomic<bool> over = false;
  std::thread cutter([&] {
    // The header stays: what is left must be taken for a journal.
    for (std::uintmax_t cut = 0; !over; cut += 4099) {
      std::filesystem::resize_file(
          PathOf(kHostile),
          kJournalHeaderBytes + cut % (whole - kJournalHeaderBytes));
      std::this_thread::yield();
    }
  });
  // Until it was met both cut and gone on.
  for (int i = 0; i < 10000 && Rejected(Rejection::kMalformedJournal) == 0;
       ++i) {
    Pass(1);
  }
  Pass(100);
  over = true;
  cutter.join();
  ExpectTheHonestOneExact();
  ExpectRejected(Rejection::kMalformedJournal, 1);
}

}  // namespace
}  // namespace proxymeter::collector
