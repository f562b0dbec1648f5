#include "collector/audit/auditor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/kernel/socket_ends.h"
#include "collector/policy/policy_compiler.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/loopback.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

// The kernel itself, a policy that knows one port of loopback, and journals.
class AuditorTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto config = ParseVendorConfig(
        absl::StrCat("version: 1\nvendors:\n  - name: acme\n    match:\n"
                     "      - {cidr: 127.0.0.1/32, port: ",
                     LocalOf(proxy_.listener()).port, "}\n"),
        "vendors.yaml");
    ASSERT_TRUE(config.ok()) << config.status().message();
    const auto policy = CompilePolicy(*config);
    ASSERT_TRUE(policy.ok());
    std::ofstream(directory_.path() + "/policy", std::ios::binary)
        .write(reinterpret_cast<const char*>(policy->data()),
               static_cast<std::streamsize>(policy->size()));
    std::filesystem::create_directory(journals_);
    journals_fd_.Reset(open(journals_.c_str(), O_RDONLY | O_DIRECTORY));
    auto made = Auditor::Create(
        sessions_, {.journals_fd = journals_fd_.get(),
                    .policy_file = directory_.path() + "/policy",
                    .times = {.grace = std::chrono::milliseconds(200)},
                    .tick = std::chrono::milliseconds(5),
                    .interval = std::chrono::milliseconds(20),
                    .dump_share = 1});
    ASSERT_TRUE(made.ok()) << made.status().message();
    auditor_ = *std::move(made);
    auto ends = SocketEnds::Start(
        [this](const TcpSocket& end) {
          auditor_->OnEnd(end);
          const std::lock_guard lock(mutex_);
          heard_.insert(end.cookie);
        },
        [this] { auditor_->OnOverrun(); });
    ASSERT_TRUE(ends.ok()) << ends.status().message();
    ends_ = *std::move(ends);
    auditor_->Start();
    // It knows now who listens, and what was there before.
    ASSERT_TRUE(WaitFor([this] { return auditor_->health().dumps > 1; }));
  }
  void TearDown() override {
    ends_.reset();
    if (auditor_ != nullptr) auditor_->Stop();
  }

  // To the proxy and back; both sides close, the proxy last.
  std::uint64_t Exchange(std::size_t sent, std::size_t received,
                         ConnectionSlot* slot = nullptr) {
    ScopedFd crawler = proxy_.Connect();
    ScopedFd peer = proxy_.Accept();
    const std::uint64_t cookie = CookieOf(crawler);
    const std::string bytes(std::max(sent, received), 'x');
    EXPECT_EQ(send(crawler.get(), bytes.data(), sent, 0), sent);
    EXPECT_EQ(send(peer.get(), bytes.data(), received, 0), received);
    // Unread bytes would make it a reset.
    std::string got(bytes.size(), '\0');
    EXPECT_EQ(recv(peer.get(), got.data(), sent, MSG_WAITALL), sent);
    EXPECT_EQ(recv(crawler.get(), got.data(), received, MSG_WAITALL), received);
    if (slot != nullptr) {
      slot->sent = sent;
      slot->received = received;
      slot->vendor_row = 1;
      slot->ended_cookie = cookie;
    }
    peer.Reset();
    char end;
    EXPECT_EQ(recv(crawler.get(), &end, 1, 0), 0);
    return cookie;
  }
  // Others end connections too.
  bool Heard(std::uint64_t cookie) {
    const std::lock_guard lock(mutex_);
    return heard_.contains(cookie);
  }
  std::uint64_t Sum(RowKind kind, std::size_t counter) const {
    std::uint64_t sum = 0;
    for (const RowValue& row : sessions_.Snapshot().rows) {
      if (row.key.kind == kind && row.key.vendor == "acme") {
        sum += row.counters[counter];
      }
    }
    return sum;
  }

  TestDirectory directory_;
  const std::string journals_ = directory_.path() + "/journals";
  ScopedFd journals_fd_;
  Loopback proxy_{AF_INET};
  Sessions sessions_;
  std::unique_ptr<Auditor> auditor_;
  std::mutex mutex_;
  std::set<std::uint64_t> heard_;  // cookies
  std::unique_ptr<SocketEnds> ends_;
};

TEST_F(AuditorTest, MetersWhatNobodyReports) {
  for (int i = 0; i < 3; ++i) Exchange(100, 500);
  EXPECT_TRUE(WaitFor(
      [this] { return Sum(kUnmeteredRow, kUnmeteredConnections) == 3; }));
  EXPECT_EQ(Sum(RowKind::kTraffic, kSentBytes), 300u);
  EXPECT_EQ(Sum(RowKind::kTraffic, kReceivedBytes), 1500u);
  EXPECT_EQ(Sum(kKernelRow, kKernelSentBytes), 300u);
  EXPECT_EQ(Sum(kKernelRow, kCoveredSentBytes), 0u);
  EXPECT_EQ(auditor_->health().gaps, AuditGaps{});
}

TEST_F(AuditorTest, CoversWhatIsReported) {
  JournalFixture journal(journals_, TestSession(1));
  journal.Add(VendorRow("acme", 1, 0, 0));
  for (std::uint32_t i = 0; i < 3; ++i) {
    Exchange(100, 500, &journal.slot(i));
    ++journal.header().ended_connections;
  }
  EXPECT_TRUE(
      WaitFor([this] { return Sum(kKernelRow, kKernelConnectionsOk) == 3; }));
  EXPECT_EQ(Sum(kKernelRow, kKernelSentBytes), 300u);
  EXPECT_EQ(Sum(kKernelRow, kKernelReceivedBytes), 1500u);
  EXPECT_EQ(Sum(kKernelRow, kCoveredSentBytes), 300u);
  EXPECT_EQ(Sum(kKernelRow, kCoveredReceivedBytes), 1500u);
  EXPECT_EQ(Sum(RowKind::kTraffic, kSentBytes), 0u);
}

TEST_F(AuditorTest, FollowsWhatIsOpen) {
  const ScopedFd crawler = proxy_.Connect();
  const ScopedFd peer = proxy_.Accept();
  EXPECT_EQ(send(crawler.get(), "12345", 5, 0), 5);
  EXPECT_TRUE(
      WaitFor([this] { return Sum(RowKind::kTraffic, kSentBytes) == 5; }));
  EXPECT_EQ(send(crawler.get(), "678", 3, 0), 3);
  EXPECT_TRUE(
      WaitFor([this] { return Sum(RowKind::kTraffic, kSentBytes) == 8; }));
  EXPECT_EQ(Sum(kUnmeteredRow, kUnmeteredConnections), 1u);
}

TEST_F(AuditorTest, TheEndLeavesNothingUndecided) {
  const std::uint64_t cookie = Exchange(100, 500);
  ASSERT_TRUE(WaitFor([&] { return Heard(cookie); }));
  auditor_->Stop();
  EXPECT_EQ(Sum(RowKind::kTraffic, kSentBytes), 100u);
}

TEST_F(AuditorTest, WhatComesFromAllSidesComesTogether) {
  JournalContents journal;
  journal.session = TestSession(7);
  journal.connections.tells_ends = true;
  std::thread reader([&] {
    for (int i = 0; i < 200; ++i) {
      auditor_->OnOverrun();
      auditor_->SetNames({});
      auditor_->health();
      auditor_->OnLastReading(journal);
    }
  });
  for (int i = 0; i < 20; ++i) Exchange(10, 20);
  reader.join();
  EXPECT_TRUE(WaitFor([this] {
    return auditor_->health()
               .gaps[static_cast<std::size_t>(AuditGap::kOverrun)] == 200;
  }));
  EXPECT_TRUE(
      WaitFor([this] { return Sum(RowKind::kTraffic, kSentBytes) == 200; }));
}

}  // namespace
}  // namespace proxymeter::collector
