#include "collector/policy/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "collector/scoped_fd.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr mode_t kPolicyMode = 0644;
constexpr std::size_t kPiece = std::size_t{1} << 20;

// 0, or the errno of the failure.
int WriteAll(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

// Whether the file is what would be written, owner and mode included: crawlers
// look at the owner.
bool IsInPlace(const std::string& path, std::span<const std::byte> policy) {
  const ScopedFd file(
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file.valid() || fstat(file.get(), &info) != 0 ||
      info.st_mode != (S_IFREG | kPolicyMode) || info.st_uid != geteuid() ||
      static_cast<std::uint64_t>(info.st_size) != policy.size()) {
    return false;
  }
  std::vector<std::byte> content(kPiece);
  while (!policy.empty()) {
    const ssize_t got = read(file.get(), content.data(), content.size());
    if (got < 0 && errno == EINTR) continue;
    const auto length = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    if (length == 0 || length > policy.size() ||
        std::memcmp(content.data(), policy.data(), length) != 0) {
      return false;
    }
    policy = policy.subspan(length);
  }
  return true;
}

// Hidden, and for mkostemp.
std::string TemporaryBeside(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;  // 0 without a directory
  return fmt::format("{}.{}.XXXXXX", path.substr(0, name), path.substr(name));
}

}  // namespace

absl::Status WritePolicyFile(const std::string& directory,
                             std::span<const std::byte> policy) {
  return ReplacePolicyFile(fmt::format("{}/{}", directory, kPolicyName),
                           policy);
}

absl::Status ReplacePolicyFile(const std::string& path,
                               std::span<const std::byte> policy) {
  const auto failed = [&path](int error, std::string_view step) {
    return absl::ErrnoToStatus(error, fmt::format("{}: {}", path, step));
  };
  if (IsInPlace(path, policy)) return absl::OkStatus();
  std::string temporary = TemporaryBeside(path);
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return failed(errno, "cannot create a file beside it");
  int error = WriteAll(file, policy);
  // Crawlers run as other users; mkostemp made it private, and umask applies
  // to everything but this.
  if (error == 0 && fchmod(file, kPolicyMode) != 0) error = errno;
  // Crawlers tell policies apart by inode, size and time. An inode may be that
  // of the one before last, and the kernel's own clock stands for
  // milliseconds.
  std::array<timespec, 2> now{};
  clock_gettime(CLOCK_REALTIME, &now[0]);
  now[1] = now[0];
  if (error == 0 && futimens(file, now.data()) != 0) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return failed(error, "cannot be written");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
    unlink(temporary.c_str());
    return failed(error, "cannot be replaced");
  }
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
