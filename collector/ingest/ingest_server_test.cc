#include "collector/ingest/ingest_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_crawler.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

class IngestServerTest : public testing::Test {
 protected:
  // Crawlers fork before this: it starts a thread.
  void StartServer(IngestOptions options = {}) {
    options.tick = std::chrono::milliseconds(20);
    auto opened = RunDirectory::Open(temp_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    directory_ = std::make_unique<RunDirectory>(*std::move(opened));
    auto server = IngestServer::Start(*directory_, sessions_, options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::uint64_t Rejected(Rejection rejection) const {
    return sessions_.Snapshot()
        .workload.rejected[static_cast<std::size_t>(rejection)];
  }
  std::vector<RowValue> SortedRows() const {
    std::vector<RowValue> rows = sessions_.Snapshot().rows;
    std::ranges::sort(rows, {}, &RowValue::key);
    return rows;
  }
  std::string Journals() const { return temp_.path() + "/journals"; }
  bool JournalExists(const SessionId& id) const {
    return std::filesystem::exists(Journals() + "/" + ToHex(id));
  }
  bool WaitUntilRetired(const SessionId& id) const {
    return WaitFor([&] { return sessions_.IsRetired(id); });
  }

  // What a crawler of session `id_` does: a row of which the frame tells one
  // third, then a pause, then more that only the journal knows.
  bool Crawl(TestCrawler& self) {
    JournalFixture journal(Journals(), id_, getpid());
    const auto traffic =
        journal.Add(TrafficRow("acme", "a.example", 10, 20, 1));
    journal.Add(VendorRow("acme", 2, 50, 8));
    if (!SendFrames(
            temp_.path(),
            {EncodeFrame(id_, TrafficRow("acme", "a.example", 10, 20, 1),
                         true)})) {
      return false;
    }
    journal.SetCounters(traffic,
                        TrafficRow("acme", "a.example", 30, 60, 3).counters);
    self.Pause();
    return true;
  }

  void ExpectCrawlCounted() {
    RowValue unknown{.key = {.kind = RowKind::kTraffic,
                             .vendor = "acme",
                             .destination = kUnknownDestination}};
    unknown.counters[kSentBytes] = 42;
    EXPECT_EQ(SortedRows(),
              (std::vector<RowValue>{unknown,
                                     TrafficRow("acme", "a.example", 30, 60, 3),
                                     VendorRow("acme", 2, 50, 50)}));
    // The file goes only after its values are in the totals.
    EXPECT_TRUE(WaitFor([this] { return !JournalExists(id_); }));
    EXPECT_EQ(sessions_.Snapshot().open_sessions, 0u);
  }

  TestDirectory temp_;
  Sessions sessions_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<IngestServer> server_;
  const SessionId id_ = TestSession(1);
};

TEST_F(IngestServerTest, AProcessThatExits) {
  TestCrawler crawler([this](TestCrawler& self) { return Crawl(self); });
  StartServer();
  crawler.Go();
  ASSERT_TRUE(crawler.AwaitPause());
  crawler.Go();
  EXPECT_TRUE(crawler.Join());
  ASSERT_TRUE(WaitUntilRetired(id_));
  ExpectCrawlCounted();
}

TEST_F(IngestServerTest, AProcessThatIsKilled) {
  TestCrawler crawler([this](TestCrawler& self) { return Crawl(self); });
  StartServer();
  crawler.Go();
  ASSERT_TRUE(crawler.AwaitPause());
  crawler.Kill();
  ASSERT_TRUE(WaitUntilRetired(id_));
  ExpectCrawlCounted();
}

TEST_F(IngestServerTest, ALateFrameIsNotCountedAgain) {
  TestCrawler crawler([this](TestCrawler& self) { return Crawl(self); });
  StartServer();
  crawler.Go();
  ASSERT_TRUE(crawler.AwaitPause());
  crawler.Kill();
  ASSERT_TRUE(WaitUntilRetired(id_));
  ASSERT_TRUE(SendFrames(
      temp_.path(),
      {EncodeFrame(id_, TrafficRow("acme", "a.example", 99, 99, 9), true)}));
  ASSERT_TRUE(
      WaitFor([&] { return Rejected(Rejection::kUnknownSession) == 1; }));
  ExpectCrawlCounted();
}

TEST_F(IngestServerTest, AForkOutlivesItsParent) {
  // Forks report for the same session; each ends when told.
  const auto report = [this](TestCrawler& self) {
    const bool sent = SendFrames(
        temp_.path(),
        {EncodeFrame(id_, TrafficRow("acme", "a.example", 10, 20, 1), false)});
    self.Pause();
    return sent;
  };
  TestCrawler parent(report);
  TestCrawler child(report);
  // Its session begins and ends after the parent's end, and so shows that that
  // has been dealt with.
  TestCrawler marker([this](TestCrawler&) {
    return SendFrames(
        temp_.path(),
        {EncodeFrame(TestSession(9), TrafficRow("other", "b.example", 1, 1, 1),
                     false)});
  });
  StartServer();
  parent.Go();
  child.Go();
  ASSERT_TRUE(parent.AwaitPause());
  ASSERT_TRUE(child.AwaitPause());
  ASSERT_TRUE(
      WaitFor([&] { return sessions_.Snapshot().workload.frames == 2; }));
  parent.Go();
  EXPECT_TRUE(parent.Join());
  marker.Go();
  EXPECT_TRUE(marker.Join());
  ASSERT_TRUE(WaitUntilRetired(TestSession(9)));
  EXPECT_TRUE(sessions_.IsOpen(id_));
  child.Go();
  EXPECT_TRUE(child.Join());
  EXPECT_TRUE(WaitUntilRetired(id_));
}

TEST_F(IngestServerTest, AForkThatSaysItsReadingLateDoesNoHarm) {
  const auto sending = [this](std::uint64_t bytes) {
    return [this, bytes](TestCrawler& self) {
      const bool sent = SendFrames(
          temp_.path(),
          {EncodeFrame(id_, TrafficRow("acme", "a.example", bytes, bytes, 1),
                       false)});
      self.Pause();
      return sent;
    };
  };
  TestCrawler quick(sending(30));
  TestCrawler slow(sending(10));
  TestCrawler backwards([this](TestCrawler&) {
    const auto frame = [](std::uint64_t bytes) {
      return EncodeFrame(TestSession(9),
                         TrafficRow("other", "b.example", bytes, bytes, 1),
                         false);
    };
    return SendFrames(temp_.path(), {frame(30), frame(10)});
  });
  StartServer();
  for (TestCrawler* crawler : {&quick, &slow}) {
    crawler->Go();
    ASSERT_TRUE(crawler->AwaitPause());
  }
  ASSERT_TRUE(
      WaitFor([&] { return sessions_.Snapshot().workload.frames == 2; }));
  EXPECT_EQ(Rejected(Rejection::kCounterDecreased), 0u);
  backwards.Go();
  EXPECT_TRUE(backwards.Join());
  EXPECT_TRUE(
      WaitFor([&] { return Rejected(Rejection::kCounterDecreased) == 1; }));
}

TEST_F(IngestServerTest, ExecClosesTheOlderSession) {
  TestCrawler crawler([this](TestCrawler& self) {
    bool sent = SendFrames(
        temp_.path(),
        {EncodeFrame(id_, TrafficRow("acme", "a.example", 10, 20, 1), false)});
    sent &= SendFrames(
        temp_.path(),
        {EncodeFrame(TestSession(2), TrafficRow("acme", "a.example", 1, 2, 3),
                     false)});
    self.Pause();
    return sent;
  });
  StartServer();
  crawler.Go();
  ASSERT_TRUE(crawler.AwaitPause());
  EXPECT_TRUE(WaitUntilRetired(id_));
  EXPECT_TRUE(sessions_.IsOpen(TestSession(2)));
  EXPECT_EQ(SortedRows(),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 11, 22, 4)});
}

TEST_F(IngestServerTest, RubbishIsCountedAndTheServerStaysUp) {
  StartServer();
  v1::Frame future;
  future.set_version(2);
  const std::string good =
      EncodeFrame(id_, TrafficRow("acme", "a.example", 10, 20, 1), false);
  ASSERT_TRUE(SendFrames(temp_.path(), {std::string(64, '\xff'), std::string(),
                                        std::string(kMaxFrameBytes + 1, 'x'),
                                        std::string(kMaxFrameBytes + 5000, 'x'),
                                        future.SerializeAsString(), good}));
  ASSERT_TRUE(
      WaitFor([&] { return sessions_.Snapshot().workload.frames == 1; }));
  EXPECT_EQ(Rejected(Rejection::kMalformedFrame), 2u);
  EXPECT_EQ(Rejected(Rejection::kOversizedFrame), 2u);
  EXPECT_EQ(Rejected(Rejection::kBadVersion), 1u);
  EXPECT_EQ(SortedRows(),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 10, 20, 1)});
}

TEST_F(IngestServerTest, IdleConnectionsAreClosed) {
  IngestOptions options;
  options.idle = std::chrono::milliseconds(50);
  StartServer(options);
  const ScopedFd idle = ConnectToCollector(temp_.path());
  ASSERT_TRUE(idle.valid());
  char byte = 0;
  EXPECT_EQ(recv(idle.get(), &byte, 1, 0), 0);  // closed by the server
  EXPECT_EQ(Rejected(Rejection::kIdleConnection), 1u);
}

TEST_F(IngestServerTest, ConnectionsAreBounded) {
  IngestOptions options;
  options.max_connections = 2;
  StartServer(options);
  const ScopedFd oldest = ConnectToCollector(temp_.path());
  const ScopedFd second = ConnectToCollector(temp_.path());
  const ScopedFd third = ConnectToCollector(temp_.path());
  ASSERT_TRUE(oldest.valid() && second.valid() && third.valid());
  char byte = 0;
  EXPECT_EQ(recv(oldest.get(), &byte, 1, 0), 0);
  EXPECT_EQ(Rejected(Rejection::kTooManyConnections), 1u);
  const std::string good =
      EncodeFrame(id_, TrafficRow("acme", "a.example", 10, 20, 1), false);
  EXPECT_EQ(send(third.get(), good.data(), good.size(), 0),
            static_cast<ssize_t>(good.size()));
  EXPECT_TRUE(
      WaitFor([&] { return sessions_.Snapshot().workload.frames == 1; }));
}

TEST_F(IngestServerTest, ARestartAdoptsJournals) {
  StartServer();
  server_.reset();
  directory_.reset();
  JournalFixture live(Journals(), id_);
  live.Add(TrafficRow("acme", "a.example", 10, 20, 1));
  {
    JournalFixture dead(Journals(), TestSession(2));
    dead.Add(TrafficRow("acme", "a.example", 1, 2, 3));
  }
  StartServer();
  // Before the first scrape can come.
  EXPECT_EQ(SortedRows(),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 11, 22, 4)});
  EXPECT_TRUE(JournalExists(id_));
  EXPECT_TRUE(WaitFor([this] { return !JournalExists(TestSession(2)); }));
}

TEST_F(IngestServerTest, StopTakesWhatIsWaiting) {
  StartServer();
  JournalFixture journal(Journals(), id_);
  journal.Add(TrafficRow("acme", "a.example", 10, 20, 1));
  ASSERT_TRUE(SendFrames(
      temp_.path(),
      {EncodeFrame(TestSession(2), TrafficRow("acme", "a.example", 1, 2, 3),
                   false)}));
  server_->Stop();
  EXPECT_EQ(SortedRows(),
            std::vector<RowValue>{TrafficRow("acme", "a.example", 11, 22, 4)});
  EXPECT_TRUE(JournalExists(id_));
  EXPECT_FALSE(std::filesystem::exists(temp_.path() + "/" + kSocketName));
}

TEST_F(IngestServerTest, AStaleSocketIsReplaced) {
  StartServer();
  server_.reset();
  std::filesystem::create_symlink("/nowhere", temp_.path() + "/" + kSocketName);
  auto server = IngestServer::Start(*directory_, sessions_);
  ASSERT_TRUE(server.ok()) << server.status();
  struct stat info {};
  ASSERT_EQ(lstat((temp_.path() + "/" + kSocketName).c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0666u);
}

TEST_F(IngestServerTest, ManyProcessesAndReadersAtOnce) {
  constexpr int kProcesses = 4;
  constexpr std::uint64_t kFlushes = 100;
  std::vector<std::unique_ptr<TestCrawler>> crawlers;
  for (int i = 0; i < kProcesses; ++i) {
    crawlers.push_back(std::make_unique<TestCrawler>([this, i](TestCrawler&) {
      const SessionId id = TestSession(static_cast<std::uint8_t>(10 + i));
      bool sent = true;
      for (std::uint64_t n = 1; n <= kFlushes; ++n) {
        sent &= SendFrames(
            temp_.path(),
            {EncodeFrame(id, TrafficRow("acme", "a.example", n, 2 * n, n),
                         false)});
      }
      return sent;
    }));
  }
  StartServer();
  std::vector<std::thread> readers;
  std::atomic<bool> done = false;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([this, &done] {
      while (!done) sessions_.Snapshot();
    });
  }
  for (auto& crawler : crawlers) crawler->Go();
  for (auto& crawler : crawlers) EXPECT_TRUE(crawler->Join());
  EXPECT_TRUE(WaitFor([this] {
    const AccountsSnapshot snapshot = sessions_.Snapshot();
    return snapshot.workload.sessions == kProcesses &&
           snapshot.open_sessions == 0;
  }));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(SortedRows(),
            std::vector<RowValue>{
                TrafficRow("acme", "a.example", kProcesses * kFlushes,
                           2 * kProcesses * kFlushes, kProcesses * kFlushes)});
  EXPECT_EQ(sessions_.Snapshot().workload.frames, kProcesses * kFlushes);
}

}  // namespace
}  // namespace proxymeter::collector
