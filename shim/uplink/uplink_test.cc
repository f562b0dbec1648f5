#include "shim/uplink/uplink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "shim/testing/frame_reader.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

// The collector's end of the socket, accepting on demand.
class Collector {
 public:
  explicit Collector(const std::string& directory)
      : path_(directory + "/" + kSocketName),
        listener_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    EXPECT_EQ(
        bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    EXPECT_EQ(listen(listener_, 16), 0);
  }
  ~Collector() {
    close(listener_);
    unlink(path_.c_str());
  }

  // All frames that have arrived on all connections so far.
  std::vector<std::string> Frames() {
    std::vector<std::string> frames;
    for (int peer; (peer = accept(listener_, nullptr, nullptr)) >= 0;) {
      std::string buffer(kMaxFrameBytes, '\0');
      for (ssize_t size;
           (size = recv(peer, buffer.data(), buffer.size(), 0)) > 0;) {
        frames.push_back(buffer.substr(0, static_cast<std::size_t>(size)));
      }
      close(peer);
    }
    return frames;
  }

 private:
  std::string path_;
  int listener_;
};

class UplinkTest : public ShimFixture {
 protected:
  UplinkTest() { shim.meter.Open(shim.environment.directory()); }
  static JournalRow* Row(const std::string& destination) {
    return shim.meter.Find({.kind = RowKind::kTraffic,
                            .protocol = Protocol::kHttps1,
                            .visibility = Visibility::kPlaintext,
                            .vendor = kVendor,
                            .destination = destination});
  }
};

TEST_F(UplinkTest, FramesSayWhatTheJournalSays) {
  Collector collector(directory());
  Add(Row("a.test"), kSentBytes, 1234567890123);
  Add(Row("a.test"), kResponsesOther, 3);
  shim.uplink.Flush();
  const auto frames = collector.Frames();
  ASSERT_EQ(frames.size(), 1u);
  const DecodedFrame frame = DecodeFrame(frames[0]);
  EXPECT_EQ(frame.version, 1u);
  EXPECT_EQ(frame.session.size(), kSessionIdBytes);
  EXPECT_EQ(frame.pid, getpid());
  EXPECT_TRUE(frame.has_journal);
  ASSERT_EQ(frame.traffic.size(), 1u);
  EXPECT_EQ(frame.traffic[0].vendor, kVendor);
  EXPECT_EQ(frame.traffic[0].destination, "a.test");
  EXPECT_EQ(frame.traffic[0].protocol, static_cast<int>(Protocol::kHttps1));
  EXPECT_EQ(frame.traffic[0].sent_bytes, 1234567890123u);
  EXPECT_EQ(frame.traffic[0].responses_other, 3u);
}

TEST_F(UplinkTest, CallersAreSaidWithTheirUnwinder) {
  Collector collector(directory());
  JournalRow* row =
      shim.meter.Find({.kind = RowKind::kCaller,
                       .code = static_cast<std::uint16_t>(Unwinder::kLibgcc),
                       .vendor = kVendor,
                       .destination = "libcurl.so.4"});
  Add(row, kCallerConnections, 5);
  Add(row, kCallerNotSampled, 6);
  Add(row, kCallerNotSafe, 7);
  shim.uplink.Flush();
  const auto frames = collector.Frames();
  ASSERT_EQ(frames.size(), 1u);
  const std::vector<DecodedCaller> expected = {
      {kVendor, "libcurl.so.4", 2, 5, 6, 7}};
  EXPECT_EQ(DecodeFrame(frames[0]).callers, expected);
}

TEST_F(UplinkTest, AnyProcessNameMakesAValidFrame) {
  Collector collector(directory());
  std::memcpy(shim.meter.journal().header()->command, "\xff\xfe caf\xe9", 8);
  shim.uplink.Flush();
  const auto frames = collector.Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(DecodeFrame(frames[0]).valid);
  EXPECT_EQ(DecodeFrame(frames[0]).command, "?? caf?");
}

TEST_F(UplinkTest, OnlyChangedRowsAreSaidAgain) {
  Collector collector(directory());
  Add(Row("a.test"), kSentBytes, 1);
  Add(Row("b.test"), kSentBytes, 1);
  shim.uplink.Flush();
  collector.Frames();
  Add(Row("b.test"), kSentBytes, 1);
  shim.uplink.Flush();
  const auto frames = collector.Frames();
  ASSERT_EQ(frames.size(), 1u);
  const DecodedFrame frame = DecodeFrame(frames[0]);
  ASSERT_EQ(frame.traffic.size(), 1u);
  EXPECT_EQ(frame.traffic[0].destination, "b.test");
  EXPECT_EQ(frame.traffic[0].sent_bytes, 2u);
}

TEST_F(UplinkTest, ManyRowsComeInSeveralFrames) {
  Collector collector(directory());
  constexpr int kRows = 500;
  for (int i = 0; i < kRows; ++i) {
    Add(Row(std::string(200, 'x') + std::to_string(i)), kSentBytes, 1);
  }
  shim.uplink.Flush();
  std::map<std::string, std::uint64_t> seen;
  for (const std::string& frame : collector.Frames()) {
    EXPECT_LE(frame.size(), kMaxFrameBytes);
    for (const auto& row : DecodeFrame(frame).traffic) {
      seen[row.destination] += row.sent_bytes;
    }
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kRows));
}

TEST_F(UplinkTest, WithoutACollectorNothingIsLost) {
  Add(Row("a.test"), kSentBytes, 5);
  shim.uplink.Flush();
  EXPECT_EQ(Events(kUplinkFailures), 1u);
  Collector collector(directory());
  shim.uplink.Flush();
  const auto frames = collector.Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(DecodeFrame(frames[0]).traffic.size(), 1u);
}

TEST_F(UplinkTest, AFullBacklogIsNotWaitedFor) {
  Collector collector(directory());
  // Nobody accepts: the backlog of 16 fills, and connect says EAGAIN.
  for (int i = 0; i < 40; ++i) shim.uplink.Flush();
  EXPECT_GT(Events(kUplinkFailures), 0u);
  EXPECT_GT(Events(kFramesSent), 0u);
}

// Two threads close their last connections: one while the other's flush has its
// row behind it, and many to go.
using PrivateMemoryTest = ShimFixture;
TEST_F(PrivateMemoryTest, IsSaidWhoeverIsFlushing) {
  ASSERT_TRUE(shim.meter.Open(Join(shim.environment.directory(), "none")));
  ASSERT_FALSE(shim.meter.journal().is_file());
  Collector collector(directory());
  std::vector<JournalRow*> rows;
  for (int i = 0; i < 1500; ++i) {
    rows.push_back(shim.meter.Find({.kind = RowKind::kTraffic,
                                    .protocol = Protocol::kHttp1,
                                    .visibility = Visibility::kPlaintext,
                                    .vendor = kVendor,
                                    .destination = std::to_string(i)}));
  }
  constexpr std::uint64_t kRounds = 20;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    const std::uint64_t before = rows[0]->streamed_sum.load();
    for (JournalRow* row : rows) Add(row, kSentBytes, 1);
    std::thread flushing([] { shim.uplink.Flush(); });
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (rows[0]->streamed_sum.load() == before &&
           std::chrono::steady_clock::now() < deadline) {
    }
    Add(rows[0], kSentBytes, 1);
    shim.uplink.Flush();
    flushing.join();
    std::uint64_t said = 0;
    for (const std::string& frame : collector.Frames()) {
      for (const auto& row : DecodeFrame(frame).traffic) {
        if (row.destination == "0") said = row.sent_bytes;
      }
    }
    ASSERT_EQ(said, 2 * round);
  }
}

TEST_F(UplinkTest, NoDescriptorStaysOpen) {
  Collector collector(directory());
  const int before = dup(0);
  close(before);
  shim.uplink.Flush();
  const int after = dup(0);
  close(after);
  EXPECT_EQ(after, before);
}

TEST_F(UplinkTest, ErrnoIsLeftAlone) {
  errno = EXDEV;
  shim.uplink.Flush();
  EXPECT_EQ(errno, EXDEV);
}

}  // namespace
}  // namespace proxymeter::shim
