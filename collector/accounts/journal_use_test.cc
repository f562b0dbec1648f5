#include "collector/accounts/journal_use.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/scoped_fd.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

TEST(UseOfJournal, SeesAMappingInAForkedChild) {
  const TestDirectory directory;
  const ScopedFd fd(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY));
  const SessionId id = TestSession(1);
  EXPECT_EQ(UseOfJournal(fd.get(), id), JournalUse::kUnknown);
  JournalFixture journal(directory.path(), id);
  EXPECT_EQ(UseOfJournal(fd.get(), id), JournalUse::kMapped);

  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(pipe_fds[1]);
    char byte;
    _exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(pipe_fds[0]);
  journal.Unmap();
  EXPECT_EQ(UseOfJournal(fd.get(), id), JournalUse::kMapped);
  close(pipe_fds[1]);  // lets the child go
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(UseOfJournal(fd.get(), id), JournalUse::kFree);
}

}  // namespace
}  // namespace proxymeter::collector
