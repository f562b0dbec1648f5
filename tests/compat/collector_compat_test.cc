// Shims of other versions in front of today's collector.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <variant>

#include "collector/accounts/frame_codec.h"
#include "collector/ingest/ingest_server.h"
#include "collector/testing/test_crawler.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/journal.h"
#include "tests/compat/samples.h"

namespace proxymeter::compat {
namespace {

using collector::DecodedFrame;
using collector::IndexedRow;
using collector::Rejection;
using collector::RowValue;
using collector::SessionId;

std::string Sample(const std::string& name) {
  std::ifstream file(std::string(PROXYMETER_SAMPLES) + "/" + name,
                     std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<IndexedRow> Indexed(const std::vector<RowValue>& rows) {
  std::vector<IndexedRow> indexed;
  for (const RowValue& row : rows) {
    indexed.push_back({static_cast<std::uint32_t>(indexed.size()), row});
  }
  return indexed;
}

// When this fails the format has changed: a reader of the version before must
// have been thought of. An addition that old readers pass over needs a sample
// beside the others, anything else a new version.
TEST(Compat, SamplesAreWhatIsWrittenToday) {
  EXPECT_EQ(Sample("v2c/frame"), SampleFrame(SampleRows()));
  EXPECT_EQ(Sample("v2c/journal"),
            SampleJournal(kJournalSession, SampleRows()));
  EXPECT_EQ(Sample("v2c/policy"), SamplePolicy());
}

// Frames of both releases have one version: what was added is passed over.
class CompatFrame : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(OfEveryRelease, CompatFrame,
                         testing::Values("v1", "v2", "v2b", "v2c"),
                         [](const auto& tested) { return tested.param; });

std::vector<RowValue> RowsOf(const std::string& release) {
  if (release == "v1") return SampleRows1();
  if (release == "v2") return SampleRows2();
  return release == "v2b" ? SampleRows2b() : SampleRows();
}

TEST_P(CompatFrame, IsReadToTheLastCounter) {
  const auto result =
      collector::DecodeFrame(Sample(std::string(GetParam()) + "/frame"));
  const auto* frame = std::get_if<DecodedFrame>(&result);
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(frame->session, kFrameSession);
  EXPECT_EQ(frame->process.pid, kSamplePid);
  EXPECT_EQ(frame->process.command, kSampleCommand);
  EXPECT_EQ(frame->process.started_unix_ns, kSampleStart);
  EXPECT_FALSE(frame->process.has_journal);
  EXPECT_EQ(frame->rows, Indexed(RowsOf(GetParam())));
  EXPECT_TRUE(frame->bad_rows.empty());
}

// What a newer shim may add without a new version.
TEST(Compat, FieldsOfANewerFrameArePassedOver) {
  v1::Frame frame;
  ASSERT_TRUE(frame.ParseFromString(Sample("v2c/frame")));
  const auto extend = [](google::protobuf::Message* message) {
    auto* unknown = message->GetReflection()->MutableUnknownFields(message);
    unknown->AddVarint(100, 7);
    unknown->AddLengthDelimited(101, "news");
  };
  extend(&frame);
  extend(frame.mutable_process());
  extend(frame.mutable_rows(2));
  extend(frame.mutable_rows(2)->mutable_traffic());
  const auto result = collector::DecodeFrame(frame.SerializeAsString());
  const auto* decoded = std::get_if<DecodedFrame>(&result);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->rows, Indexed(SampleRows()));
  EXPECT_TRUE(decoded->bad_rows.empty());
}

class CompatIngest : public testing::Test {
 protected:
  // What is in the directory and on the socket, taken by a whole collector.
  void Collect(const std::string& frame) {
    directory_.reset();  // its lock
    auto opened = collector::RunDirectory::Open(temp_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    directory_ = std::make_unique<collector::RunDirectory>(*std::move(opened));
    collector::IngestOptions options;
    options.tick = std::chrono::milliseconds(20);
    auto server =
        collector::IngestServer::Start(*directory_, sessions_, options);
    ASSERT_TRUE(server.ok()) << server.status();
    ASSERT_TRUE(collector::SendFrames(temp_.path(), {frame}));
    (*server)->Stop();  // It takes what waits, and reads every journal.
  }

  void PutJournal(const SessionId& session, const std::string& bytes) {
    std::filesystem::create_directories(temp_.path() + "/journals");
    std::ofstream file(temp_.path() + "/journals/" + collector::ToHex(session),
                       std::ios::binary);
    file << bytes;
    ASSERT_TRUE(file.flush().good());
  }

  std::string Journal(const SessionId& session) const {
    std::ifstream file(temp_.path() + "/journals/" + collector::ToHex(session),
                       std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::uint64_t Sent(const std::vector<RowValue>& rows) {
    std::uint64_t sum = 0;
    for (const RowValue& row : rows) {
      if (row.key.kind == RowKind::kTraffic) sum += row.counters[kSentBytes];
    }
    return sum;
  }

  std::uint64_t Rejected(Rejection rejection) const {
    return sessions_.Snapshot()
        .workload.rejected[static_cast<std::size_t>(rejection)];
  }
  std::uint64_t RejectedInAll() const {
    std::uint64_t sum = 0;
    for (const auto count : sessions_.Snapshot().workload.rejected) {
      sum += count;
    }
    return sum;
  }
  std::vector<RowValue> SortedRows() const {
    return Sorted(sessions_.Snapshot().rows);
  }
  static std::vector<RowValue> Sorted(std::vector<RowValue> rows) {
    std::ranges::sort(rows, {}, &RowValue::key);
    return rows;
  }

  collector::TestDirectory temp_;
  collector::Sessions sessions_;
  std::unique_ptr<collector::RunDirectory> directory_;
};

class CompatRelease : public CompatIngest,
                      public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(OfEveryRelease, CompatRelease,
                         testing::Values("v1", "v2", "v2b", "v2c"),
                         [](const auto& tested) { return tested.param; });

TEST_P(CompatRelease, IsAccountedForExactly) {
  const std::string release = GetParam();
  PutJournal(kJournalSession, Sample(release + "/journal"));
  Collect(Sample(release + "/frame"));
  std::vector<RowValue> twice = RowsOf(release);
  for (RowValue& row : twice) {
    for (std::uint64_t& counter : row.counters) counter *= 2;
  }
  EXPECT_EQ(SortedRows(), Sorted(twice));
  EXPECT_EQ(RejectedInAll(), 0u);
}

TEST_F(CompatIngest, TheVersionAfterIsRefusedAndCounted) {
  std::string journal = Sample("v2c/journal");
  const std::uint32_t next = kJournalVersion + 1;
  journal.replace(offsetof(JournalHeader, version), sizeof next,
                  reinterpret_cast<const char*>(&next), sizeof next);
  PutJournal(kJournalSession, journal);
  v1::Frame frame;
  ASSERT_TRUE(frame.ParseFromString(Sample("v2c/frame")));
  frame.set_version(collector::kFrameVersion + 1);
  Collect(frame.SerializeAsString());
  EXPECT_TRUE(SortedRows().empty());
  EXPECT_EQ(Rejected(Rejection::kBadVersion), 1u);
  EXPECT_EQ(Rejected(Rejection::kLaterVersion), 1u);
  EXPECT_EQ(RejectedInAll(), 2u);
  // Nobody maps it any more, and yet it stays: a collector that knows its
  // version takes up all of it.
  EXPECT_EQ(Journal(kJournalSession), journal);
  PutJournal(kJournalSession, Sample("v1/journal"));
  Collect(Sample("v1/frame"));
  EXPECT_EQ(Sent(SortedRows()), 2 * Sent(SampleRows()));
}

// A row that means something new, from either side, costs only itself.
TEST_F(CompatIngest, ARowOfANewKindCostsOnlyItself) {
  std::vector<RowValue> rows = SampleRows();
  std::string journal = Sample("v2c/journal");
  journal[kJournalHeaderBytes + 2 * kJournalRowBytes +
          offsetof(JournalRow, kind)] = kLastRowKind + 1;
  PutJournal(kJournalSession, journal);
  v1::Frame frame;
  ASSERT_TRUE(frame.ParseFromString(Sample("v2c/frame")));
  frame.mutable_rows(2)->set_protocol(
      static_cast<v1::Protocol>(kLastProtocol + 1));
  Collect(frame.SerializeAsString());
  rows.erase(rows.begin() + 2);
  for (RowValue& row : rows) {
    for (std::uint64_t& counter : row.counters) counter *= 2;
  }
  EXPECT_EQ(SortedRows(), Sorted(rows));
  EXPECT_EQ(Rejected(Rejection::kBadRow), 2u);
  EXPECT_EQ(RejectedInAll(), 2u);
}

}  // namespace
}  // namespace proxymeter::compat
