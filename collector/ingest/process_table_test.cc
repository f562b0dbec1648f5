#include "collector/ingest/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

ProcessKey Key(std::uint64_t inode) {
  return {ProcessKey::Source::kPidfdInode, inode, {}};
}

const SessionId kOne = TestSession(1);
const SessionId kTwo = TestSession(2);

TEST(ProcessTable, ASessionLivesAsLongAsItsForks) {
  ProcessTable table(8);
  const auto parent = table.Add(Key(1), ScopedFd(), kOne);
  const auto child = table.Add(Key(2), ScopedFd(), kOne);
  ASSERT_TRUE(parent && child);
  EXPECT_EQ(table.Find(Key(1)), parent);
  EXPECT_EQ(table.Remove(*parent), kOne);
  EXPECT_TRUE(table.HasProcess(kOne));
  EXPECT_EQ(table.Remove(*child), kOne);
  EXPECT_FALSE(table.HasProcess(kOne));
  EXPECT_EQ(table.Find(Key(2)), std::nullopt);
}

TEST(ProcessTable, ExecLeavesTheOlderSession) {
  ProcessTable table(8);
  const auto id = table.Add(Key(1), ScopedFd(), kOne);
  ASSERT_TRUE(id);
  EXPECT_EQ(table.Move(*id, kOne), std::nullopt);
  EXPECT_EQ(table.Move(*id, kTwo), kOne);
  EXPECT_FALSE(table.HasProcess(kOne));
  EXPECT_TRUE(table.HasProcess(kTwo));
}

TEST(ProcessTable, ClosesThePidfdOfAForgottenProcess) {
  ProcessTable table(8);
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const auto id = table.Add(Key(1), ScopedFd(fd), kOne);
  ASSERT_TRUE(id);
  EXPECT_EQ(table.pidfd(*id), fd);
  table.Remove(*id);
  EXPECT_EQ(table.pidfd(*id), -1);
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

TEST(ProcessTable, IsBounded) {
  ProcessTable table(1);
  EXPECT_TRUE(table.Add(Key(1), ScopedFd(), kOne));
  EXPECT_FALSE(table.Add(Key(2), ScopedFd(), kTwo));
  EXPECT_FALSE(table.HasProcess(kTwo));
}

TEST(ProcessTable, ClaimedNumbersAreOfTheirSessionOnly) {
  ProcessTable table(8);
  const ProcessKey one{ProcessKey::Source::kClaimed, 7, kOne};
  const ProcessKey two{ProcessKey::Source::kClaimed, 7, kTwo};
  table.Add(one, ScopedFd(), kOne);
  EXPECT_EQ(table.Find(two), std::nullopt);
}

}  // namespace
}  // namespace proxymeter::collector
