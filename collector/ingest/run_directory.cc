#include "collector/ingest/run_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kJournalsMode = 01733;

absl::Status ErrnoStatus(int error, const std::string& what) {
  return absl::ErrnoToStatus(error, what);
}

// The mode of mkdir(2) is subject to the umask; a directory that exists keeps
// its own mode.
absl::Status MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) {
    if (errno == EEXIST) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("cannot create ", path));
  }
  if (chmod(path.c_str(), mode) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot set the mode of ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<ScopedFd> OpenDirectory(const std::string& path) {
  ScopedFd fd(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  }
  return fd;
}

// Crawlers trust a policy only from the directory's owner, and the owner of
// journals/ decides what happens to the files in it: both must be ours. Root
// may take them over from a crawler that was there first.
absl::Status TakeOwnership(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot examine ", path));
  }
  if (info.st_uid == geteuid()) return absl::OkStatus();
  if (geteuid() != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, " belongs to user ", info.st_uid, ", not to ", geteuid(),
        ", whom the collector runs as; name a directory that does not exist "
        "yet, such as one below it, and the collector makes it its own"));
  }
  if (fchown(fd, geteuid(), static_cast<gid_t>(-1)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot take over ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<ScopedFd> OpenJournals(const std::string& path) {
  if (absl::Status made = MakeDirectory(path, kJournalsMode); !made.ok()) {
    return made;
  }
  absl::StatusOr<ScopedFd> fd = OpenDirectory(path);
  if (!fd.ok()) return fd;
  if (absl::Status own = TakeOwnership(fd->get(), path); !own.ok()) return own;
  struct stat info {};
  if (fstat(fd->get(), &info) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot examine ", path));
  }
  if ((info.st_mode & 07777) != kJournalsMode &&
      fchmod(fd->get(), kJournalsMode) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot set the mode of ", path));
  }
  return fd;
}

absl::StatusOr<ScopedFd> Lock(const std::string& path) {
  ScopedFd fd(
      open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return ErrnoStatus(errno, absl::StrCat("cannot lock ", path));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("another collector is running in this directory: it "
                     "holds ",
                     path));
  }
  return fd;
}

bool IsInMemory(int fd) {
  struct statfs info {};
  if (fstatfs(fd, &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

}  // namespace

absl::StatusOr<RunDirectory> RunDirectory::Open(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute =
      std::filesystem::absolute(path, error).lexically_normal();
  if (path.empty() || error) {
    return absl::InvalidArgumentError("the directory has no name");
  }
  RunDirectory directory;
  directory.path_ = absolute.string();
  // "a/b/" is "a/b" with an empty last component.
  while (directory.path_.size() > 1 && directory.path_.back() == '/') {
    directory.path_.pop_back();
  }
  std::filesystem::create_directories(
      std::filesystem::path(directory.path_).parent_path(), error);
  if (error) {
    return ErrnoStatus(
        error.value(),
        absl::StrCat("cannot create the parents of ", directory.path_));
  }
  if (absl::Status made = MakeDirectory(directory.path_, kDirectoryMode);
      !made.ok()) {
    return made;
  }
  absl::StatusOr<ScopedFd> own = OpenDirectory(directory.path_);
  if (!own.ok()) return own.status();
  if (absl::Status taken = TakeOwnership(own->get(), directory.path_);
      !taken.ok()) {
    return taken;
  }
  absl::StatusOr<ScopedFd> lock =
      Lock(absl::StrCat(directory.path_, "/", kLockName));
  if (!lock.ok()) return lock.status();
  directory.lock_ = *std::move(lock);
  absl::StatusOr<ScopedFd> journals =
      OpenJournals(absl::StrCat(directory.path_, "/", kJournalsName));
  if (!journals.ok()) return journals.status();
  directory.journals_ = *std::move(journals);
  directory.in_memory_ = IsInMemory(directory.journals_.get());
  return directory;
}

}  // namespace proxymeter::collector
