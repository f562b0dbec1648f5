#include "collector/accounts/journal_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "collector/scoped_fd.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

class JournalReader : public testing::Test {
 protected:
  auto Read() { return ReadJournal(fd_.get(), id_); }

  JournalProblem Problem() {
    const auto result = Read();
    const auto* problem = std::get_if<JournalProblem>(&result);
    EXPECT_NE(problem, nullptr);
    return problem != nullptr ? *problem : JournalProblem::kGone;
  }

  std::string Path() const { return directory_.path() + "/" + ToHex(id_); }

  TestDirectory directory_;
  ScopedFd fd_{open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY)};
  const SessionId id_ = TestSession(1);
};

TEST_F(JournalReader, GivesWhatTheShimWrote) {
  JournalFixture journal(directory_.path(), id_, 4711);
  const RowValue traffic = TrafficRow("acme", "example.com", 1, 2, 3);
  const RowValue vendor = VendorRow("acme", 4, 5, 6);
  RowValue tunnel{.key = {.kind = RowKind::kTunnel,
                          .vendor = "acme",
                          .protocol = Protocol::kConnect,
                          .code = 407}};
  tunnel.counters[kTunnelReplies] = 8;
  journal.Add(traffic);
  journal.Add(vendor);
  journal.Add(tunnel);
  const auto result = Read();
  const auto* contents = std::get_if<JournalContents>(&result);
  ASSERT_NE(contents, nullptr);
  EXPECT_EQ(contents->session, id_);
  EXPECT_EQ(contents->pid, 4711);
  EXPECT_EQ(contents->command, "crawler");
  EXPECT_EQ(contents->bad_rows, 0u);
  EXPECT_FALSE(contents->truncated);
  EXPECT_EQ(contents->rows,
            (std::vector<IndexedRow>{{0, traffic}, {1, vendor}, {2, tunnel}}));
}

TEST_F(JournalReader, GivesTheConnectionsThatAreOpen) {
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  ConnectionSlot& slot = journal.slot(kFirstSlots - 1);
  slot.sent = 11;
  slot.request_from = 12;
  slot.row = 4;
  slot.vendor_row = 1;
  slot.may_be_shared = 1;
  slot.received = 13;
  slot.adopted = 1;
  slot.cookie = 99;
  journal.slot(3).cookie = kSlotClaimed;  // being filled in
  journal.slot(4).cookie = 98;            // of no vendor yet
  // Promised, and not there.
  journal.header().allocated_slots = ~0u;
  const auto result = Read();
  const auto* contents = std::get_if<JournalContents>(&result);
  ASSERT_NE(contents, nullptr);
  EXPECT_EQ(contents->connections.open,
            (std::vector<MeteredConnection>{{.cookie = 98, .slot = 4},
                                            {.cookie = 99,
                                             .slot = kFirstSlots - 1,
                                             .sent = 11,
                                             .received = 13,
                                             .request_from = 12,
                                             .row = 3,
                                             .vendor_row = 0,
                                             .may_be_shared = true,
                                             .adopted = true}}));
  EXPECT_TRUE(contents->connections.ended.empty());
}

TEST_F(JournalReader, GivesConnectionsThatHaveEnded) {
  JournalFixture journal(directory_.path(), id_);
  journal.Add(TrafficRow("acme", "example.com", 1, 2, 3));
  const std::uint32_t vendor = journal.Add(VendorRow("acme", 1, 0, 0));
  for (std::uint32_t i = 0; i < 3; ++i) {
    ConnectionSlot& slot = journal.slot(i);
    slot.ended_cookie = 90 + i;
    slot.sent = 5 + i;
    slot.vendor_row = vendor + 1;
  }
  journal.slot(1).cookie = 91;            // on its way out
  journal.slot(2).cookie = kSlotClaimed;  // on its way to another
  journal.header().ended_connections = 7;
  journal.header().without_slot = 2;
  const auto result = ReadConnections(fd_.get(), id_);
  const auto* connections = std::get_if<MeteredConnections>(&result);
  ASSERT_NE(connections, nullptr);
  EXPECT_EQ(connections->ended,
            (std::vector<MeteredConnection>{
                {.cookie = 90, .slot = 0, .sent = 5, .vendor_row = vendor},
                {.cookie = 91, .slot = 1, .sent = 6, .vendor_row = vendor}}));
  EXPECT_TRUE(connections->open.empty());
  EXPECT_EQ(connections->ended_in_all, 7u);
  EXPECT_EQ(connections->without_slot, 2u);
  EXPECT_EQ(ReadVendor(fd_.get(), id_, vendor), "acme");
  EXPECT_EQ(ReadVendor(fd_.get(), id_, vendor - 1), std::nullopt);
  EXPECT_EQ(ReadVendor(fd_.get(), id_, vendor + 1), std::nullopt);
  EXPECT_EQ(ReadVendor(fd_.get(), id_, ~0u), std::nullopt);
  EXPECT_EQ(ReadVendor(fd_.get(), TestSession(9), vendor), std::nullopt);
}

TEST_F(JournalReader, SkipsUnpublishedRowsAndRefusesBadOnes) {
  JournalFixture journal(directory_.path(), id_);
  const RowValue good = TrafficRow("acme", "example.com", 1, 2, 3);
  journal.Add(good);
  journal.row(journal.Add(good)).state = kClaimed;
  journal.row(journal.Add(good)).vendor_length = 255;
  journal.row(journal.Add(good)).kind = static_cast<RowKind>(9);
  journal.Add(good);
  const auto result = Read();
  const auto* contents = std::get_if<JournalContents>(&result);
  ASSERT_NE(contents, nullptr);
  EXPECT_EQ(contents->rows, (std::vector<IndexedRow>{{0, good}, {4, good}}));
  EXPECT_EQ(contents->bad_rows, 2u);
}

TEST_F(JournalReader, PassesOverCountersThatItDoesNotKnow) {
  JournalFixture journal(directory_.path(), id_);
  const RowValue row = TrafficRow("acme", "example.com", 1, 2, 3);
  RowValue newer = row;
  newer.counters[kTrafficCounters] = 7;
  newer.counters[kRowCounters - 1] = 8;
  journal.Add(newer);
  const auto result = Read();
  const auto* contents = std::get_if<JournalContents>(&result);
  ASSERT_NE(contents, nullptr);
  EXPECT_EQ(contents->rows, (std::vector<IndexedRow>{{0, row}}));
  EXPECT_EQ(contents->bad_rows, 0u);
}

TEST_F(JournalReader, ClaimedRowsMayExceedAllocatedOnes) {
  JournalFixture journal(directory_.path(), id_);
  journal.Add(TrafficRow("acme", "example.com", 1, 2, 3));
  journal.header().claimed_rows = 1000000;
  const auto result = Read();
  const auto* contents = std::get_if<JournalContents>(&result);
  ASSERT_NE(contents, nullptr);
  EXPECT_EQ(contents->rows.size(), 1u);
  EXPECT_FALSE(contents->truncated);
}

TEST_F(JournalReader, ATruncatedFileGivesTheRowsThatAreLeft) {
  constexpr std::uint32_t kRows = 5;
  JournalFixture journal(directory_.path(), id_);
  for (std::uint32_t i = 0; i < kRows; ++i) {
    journal.Add(TrafficRow("acme", "example.com", i, i, i));
  }
  journal.Unmap();
  constexpr std::size_t kEnd = kJournalHeaderBytes + kRows * kJournalRowBytes;
  for (std::size_t size = kEnd;; size -= 64) {
    std::filesystem::resize_file(Path(), size);
    const auto result = Read();
    if (const auto* contents = std::get_if<JournalContents>(&result)) {
      const std::size_t whole =
          size <= kJournalHeaderBytes
              ? 0
              : (size - kJournalHeaderBytes) / kJournalRowBytes;
      EXPECT_GE(size, sizeof(JournalHeader));
      EXPECT_EQ(contents->rows.size(), whole) << size;
      EXPECT_EQ(contents->truncated, whole < kRows) << size;
    } else {
      EXPECT_LT(size, sizeof(JournalHeader));
      EXPECT_EQ(
          std::get<JournalProblem>(result),
          size == 0 ? JournalProblem::kUnfinished : JournalProblem::kMalformed)
          << size;
    }
    if (size == 0) break;
  }
}

TEST_F(JournalReader, RefusesEveryWrongHeaderField) {
  const auto spoiled = [&](auto spoil) {
    std::filesystem::remove(Path());
    JournalFixture journal(directory_.path(), id_);
    spoil(journal.header());
    return Problem();
  };
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.magic ^= 1; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.version = kJournalVersion + 1; }),
            JournalProblem::kLaterVersion);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.version = 0; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.header_bytes = 0; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.row_bytes = 1; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.max_rows = 1u << 31; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.session[15] ^= 1; }),
            JournalProblem::kMalformed);
  EXPECT_EQ(spoiled([](JournalHeader& h) { h.magic = 0; }),
            JournalProblem::kUnfinished);
}

TEST_F(JournalReader, RefusesGarbage) {
  std::ofstream(Path()) << std::string(100000, 'x');
  EXPECT_EQ(Problem(), JournalProblem::kMalformed);
}

TEST_F(JournalReader, NeverWaitsForAPipe) {
  ASSERT_EQ(mkfifo(Path().c_str(), 0666), 0);
  EXPECT_EQ(Problem(), JournalProblem::kForeign);
}

TEST_F(JournalReader, FollowsNoLink) {
  JournalFixture elsewhere(directory_.path(), TestSession(2));
  std::filesystem::create_symlink(elsewhere.path(), Path());
  EXPECT_EQ(Problem(), JournalProblem::kForeign);
}

TEST_F(JournalReader, RefusesADirectory) {
  std::filesystem::create_directory(Path());
  EXPECT_EQ(Problem(), JournalProblem::kForeign);
}

TEST_F(JournalReader, TellsWhenThereIsNone) {
  EXPECT_EQ(Problem(), JournalProblem::kGone);
}

}  // namespace
}  // namespace proxymeter::collector
