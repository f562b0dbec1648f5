#include "collector/accounts/journal_use.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>

#include "collector/scoped_fd.h"

namespace proxymeter::collector {

JournalUse UseOfJournal(int journals_fd, const SessionId& session) {
  const ScopedFd fd(openat(journals_fd, ToHex(session).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return JournalUse::kUnknown;
  // Whoever opens the file during the lease makes the kernel signal us; the
  // default SIGIO would end the process, SIGURG is ignored by default.
  if (fcntl(fd.get(), F_SETSIG, SIGURG) != 0) return JournalUse::kUnknown;
  if (fcntl(fd.get(), F_SETLEASE, F_RDLCK) == 0) {
    fcntl(fd.get(), F_SETLEASE, F_UNLCK);
    return JournalUse::kFree;
  }
  return errno == EAGAIN ? JournalUse::kMapped : JournalUse::kUnknown;
}

Owner OwnerOfJournal(int journals_fd, const SessionId& session) {
  struct stat info {};
  if (fstatat(journals_fd, ToHex(session).c_str(), &info,
              AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(info.st_mode)) {
    return std::nullopt;
  }
  return info.st_uid;
}

}  // namespace proxymeter::collector
