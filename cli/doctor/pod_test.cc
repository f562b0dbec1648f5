#include "cli/doctor/pod.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/testing/test_policy.h"
#include "collector/testing/loopback.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using collector::TcpState;
using testing::ElementsAre;

// Held by no process: inodes of sockets are not so great.
constexpr std::uint32_t kNobodys = 0xfffffff0;

std::uint32_t InodeOf(const collector::ScopedFd& fd) {
  struct stat status {};
  EXPECT_EQ(fstat(fd.get(), &status), 0);
  return static_cast<std::uint32_t>(status.st_ino);
}

VendorConnection Connection(const std::string& vendor, std::uint32_t inode,
                            std::uint64_t sent, std::uint64_t received,
                            TcpState state = TcpState::kEstablished) {
  return {{.state = state,
           .has_counts = true,
           .sent = sent,
           .received = received,
           .inode = inode,
           .uid = 4711},
          vendor};
}

class PodTest : public testing::Test {
 protected:
  PodReport Report(const std::vector<VendorConnection>& connections) const {
    PodReport report;
    report.directory = "/nowhere";
    AddTalkers(connections, policy_.view(), "/proc", &report);
    return report;
  }

  const TestPolicy policy_{
      "{version: 1, vendors: [{name: acme, match: [{port: 7000}]}]}"};
};

TEST_F(PodTest, ConnectionsStandWithTheirProcess) {
  const collector::ScopedFd one(socket(AF_INET, SOCK_STREAM, 0));
  const collector::ScopedFd other(socket(AF_INET, SOCK_STREAM, 0));
  const PodReport report =
      Report({Connection("beta", InodeOf(one), 10, 100),
              Connection("acme", InodeOf(other), 5, 1000)});
  ASSERT_EQ(report.talkers.size(), 1u);
  const Talker& talker = report.talkers.front();
  EXPECT_EQ(talker.pid, getpid());
  EXPECT_EQ(talker.name, "cli_doctor_test");
  EXPECT_EQ(talker.uid, getuid());
  EXPECT_THAT(talker.vendors, ElementsAre("acme", "beta"));
  EXPECT_EQ(talker.connections, 2);
  EXPECT_EQ(talker.sent, 15u);
  EXPECT_EQ(talker.received, 1100u);
  EXPECT_EQ(talker.coverage.covered, Covered::kNo);
  EXPECT_EQ(talker.coverage.why, "preload");
  EXPECT_FALSE(report.AllCovered());
}

TEST_F(PodTest, WhatNoProcessShowsIsItsUsers) {
  const PodReport report = Report({Connection("acme", kNobodys, 1, 2),
                                   Connection("acme", kNobodys + 1, 3, 4)});
  ASSERT_EQ(report.talkers.size(), 1u);
  const Talker& talker = report.talkers.front();
  EXPECT_EQ(talker.pid, std::nullopt);
  EXPECT_EQ(talker.uid, 4711u);
  EXPECT_EQ(talker.connections, 2);
  EXPECT_EQ(talker.sent, 4u);
  EXPECT_EQ(talker.coverage.covered, Covered::kUnknown);
  EXPECT_FALSE(report.AllCovered());
}

TEST_F(PodTest, WhatWasClosedIsNobodys) {
  const PodReport report =
      Report({Connection("acme", 0, 1, 2, TcpState::kFinWait1),
              Connection("acme", 0, 1, 2, TcpState::kLastAck)});
  EXPECT_TRUE(report.talkers.empty());
  EXPECT_EQ(report.closed, 2);
  EXPECT_TRUE(report.AllCovered());
}

TEST_F(PodTest, AFinIsNoByte) {
  for (const TcpState state :
       {TcpState::kCloseWait, TcpState::kLastAck, TcpState::kClosing}) {
    const PodReport report =
        Report({Connection("acme", kNobodys, 1, 100, state)});
    EXPECT_EQ(report.talkers.at(0).received, 99u);
  }
  for (const TcpState state : {TcpState::kEstablished, TcpState::kFinWait2}) {
    const PodReport report =
        Report({Connection("acme", kNobodys, 1, 100, state)});
    EXPECT_EQ(report.talkers.at(0).received, 100u);
  }
}

TEST_F(PodTest, BytesThatTheKernelDoesNotTellAreNotNone) {
  VendorConnection connection = Connection("acme", kNobodys, 0, 0);
  connection.socket.has_counts = false;
  const PodReport report = Report({connection});
  EXPECT_EQ(report.talkers.at(0).connections, 1);
  EXPECT_EQ(report.talkers.at(0).sent, std::nullopt);
  EXPECT_EQ(report.talkers.at(0).received, std::nullopt);
}

TEST_F(PodTest, WithoutAPolicyNothingIsTold) {
  const auto report = ExaminePod("/nowhere");
  EXPECT_TRUE(absl::IsNotFound(report.status()));
  EXPECT_EQ(report.status().message(),
            "/nowhere: no policy, so no vendors are known; start a collector "
            "there, or name another --dir");
}

}  // namespace
}  // namespace proxymeter::cli
