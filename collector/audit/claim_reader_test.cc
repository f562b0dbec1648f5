#include "collector/audit/claim_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <variant>

#include "collector/scoped_fd.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

class ClaimReaderTest : public testing::Test {
 protected:
  ClaimReaderTest()
      : fd_(open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY)),
        reader_(fd_.get()) {}

  static void Begin(ConnectionSlot& slot, std::uint64_t cookie) {
    slot.ended_cookie = 0;
    slot.sent = 0;
    slot.received = 0;
    slot.vendor_row = 1;
    slot.cookie = cookie;
  }
  static void End(JournalFixture& journal, ConnectionSlot& slot,
                  std::uint64_t sent, std::uint64_t received) {
    slot.sent = sent;
    slot.received = received;
    slot.ended_cookie = slot.cookie.load();
    slot.cookie = 0;
    ++journal.header().ended_connections;
  }
  void ReadLast(const SessionId& id) {
    const auto reading = ReadJournal(fd_.get(), id);
    reader_.LastReading(std::get<JournalContents>(reading));
  }

  TestDirectory directory_;
  ScopedFd fd_;
  ClaimReader reader_;
  const SessionId id_ = TestSession(1);
};

TEST_F(ClaimReaderTest, OpenClaimsComeEachTimeAndFinalOnesOnce) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  ConnectionSlot& slot = journal.slot(3);
  Begin(slot, 77);
  slot.sent = 5;
  slot.received = 6;
  slot.adopted = 1;
  for (int i = 0; i < 2; ++i) {
    const ClaimNews news = reader_.Read();
    ASSERT_EQ(news.claims.size(), 1u);
    const Claim& claim = news.claims[0];
    EXPECT_EQ(claim.session, id_);
    EXPECT_EQ(claim.slot, 3u);
    EXPECT_EQ(claim.cookie, 77u);
    EXPECT_EQ(claim.vendor, "acme");
    EXPECT_EQ(claim.sent, 5u);
    EXPECT_EQ(claim.received, 6u);
    EXPECT_TRUE(claim.adopted);
    EXPECT_EQ(claim.state, ClaimState::kOpen);
  }
  End(journal, slot, 15, 16);
  const ClaimNews news = reader_.Read();
  ASSERT_EQ(news.claims.size(), 1u);
  EXPECT_EQ(news.claims[0].state, ClaimState::kEnded);
  EXPECT_EQ(news.claims[0].sent, 15u);
  EXPECT_EQ(news.claims[0].received, 16u);
  EXPECT_TRUE(reader_.Read().claims.empty());
  // The slot is another connection's.
  Begin(slot, 78);
  End(journal, slot, 1, 2);
  ASSERT_EQ(reader_.Read().claims.size(), 1u);
  EXPECT_EQ(news.overwritten, 0u);
  EXPECT_FALSE(news.incomplete);
}

TEST_F(ClaimReaderTest, WhatEndedBeforeTheFirstReadingIsMarked) {
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  Begin(journal.slot(0), 77);
  End(journal, journal.slot(0), 1, 1);
  journal.header().ended_connections = 500;
  Begin(journal.slot(1), 78);
  const ClaimNews first = reader_.Read();
  ASSERT_EQ(first.claims.size(), 2u);
  EXPECT_EQ(first.claims[0].cookie, 77u);
  EXPECT_TRUE(first.claims[0].from_before);
  EXPECT_EQ(first.claims[1].cookie, 78u);
  EXPECT_FALSE(first.claims[1].from_before);
  EXPECT_EQ(first.overwritten, 0u);
  End(journal, journal.slot(1), 1, 1);
  const ClaimNews second = reader_.Read();
  ASSERT_EQ(second.claims.size(), 1u);
  EXPECT_EQ(second.claims[0].cookie, 78u);
  EXPECT_FALSE(second.claims[0].from_before);
  EXPECT_EQ(second.overwritten, 0u);
}

TEST_F(ClaimReaderTest, WhatWasOverwrittenUnreadIsCounted) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  Begin(journal.slot(0), 77);
  EXPECT_EQ(reader_.Read().claims.size(), 1u);
  End(journal, journal.slot(0), 1, 1);
  for (std::uint64_t cookie = 78; cookie < 81; ++cookie) {
    Begin(journal.slot(0), cookie);
    End(journal, journal.slot(0), 1, 1);
  }
  const ClaimNews news = reader_.Read();
  EXPECT_EQ(news.overwritten, 3u);
  ASSERT_EQ(news.claims.size(), 2u);
  EXPECT_EQ(news.claims[0].cookie, 80u);
  EXPECT_EQ(news.claims[0].state, ClaimState::kEnded);
  // It was known, and what it came to is not.
  EXPECT_EQ(news.claims[1].cookie, 77u);
  EXPECT_EQ(news.claims[1].state, ClaimState::kOverwritten);
  EXPECT_EQ(reader_.Read().overwritten, 0u);
}

TEST_F(ClaimReaderTest, TheEndOfAProcessMakesClaimsFinal) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  Begin(journal.slot(0), 77);
  EXPECT_EQ(reader_.Read().claims.size(), 1u);
  Begin(journal.slot(1), 78);
  End(journal, journal.slot(1), 3, 4);
  ReadLast(id_);
  // The file may stay until the ledger has it all.
  for (int i = 0; i < 2; ++i) {
    const ClaimNews news = reader_.Read();
    ASSERT_EQ(news.claims.size(), i == 0 ? 2u : 0u);
    if (i == 1) break;
    EXPECT_EQ(news.claims[0].cookie, 78u);
    EXPECT_EQ(news.claims[0].state, ClaimState::kEnded);
    EXPECT_EQ(news.claims[1].cookie, 77u);
    EXPECT_EQ(news.claims[1].state, ClaimState::kKilled);
  }
  std::filesystem::remove(journal.path());
  EXPECT_TRUE(reader_.Read().claims.empty());
}

TEST_F(ClaimReaderTest, AJournalThatIsTakenAwayLeavesWhatWasKnown) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  Begin(journal.slot(0), 77);
  EXPECT_EQ(reader_.Read().claims.size(), 1u);
  std::filesystem::remove(journal.path());
  const ClaimNews news = reader_.Read();
  ASSERT_EQ(news.claims.size(), 1u);
  EXPECT_EQ(news.claims[0].state, ClaimState::kOverwritten);
}

TEST_F(ClaimReaderTest, OlderShimsDoNotTellAll) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  EXPECT_FALSE(reader_.Read().incomplete);
  journal.header().tells_ends = 0;
  EXPECT_TRUE(reader_.Read().incomplete);
}

TEST_F(ClaimReaderTest, UndecidedVendorsAndMissingSlotsAreSaid) {
  EXPECT_TRUE(reader_.Read().claims.empty());
  JournalFixture journal(directory_.path(), id_);
  journal.Add(VendorRow("acme", 1, 0, 0));
  Begin(journal.slot(0), 77);
  journal.slot(0).vendor_row = 0;
  Begin(journal.slot(1), 78);
  journal.slot(1).vendor_row = 99;  // there is no such row
  journal.header().without_slot = 1;
  const ClaimNews news = reader_.Read();
  ASSERT_EQ(news.claims.size(), 1u);
  EXPECT_EQ(news.claims[0].vendor, "");
  EXPECT_TRUE(news.incomplete);
}

}  // namespace
}  // namespace proxymeter::collector
