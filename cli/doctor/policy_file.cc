#include "cli/doctor/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

// A million rules make 100 MB.
constexpr std::uint64_t kMaxPolicyBytes = std::uint64_t{1} << 30;

}  // namespace

absl::StatusOr<PolicyFile> ReadPolicyFile(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/", kPolicyName);
  struct stat parent, status;
  const int file =
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0 && errno == ENOENT) {
    return absl::NotFoundError("no policy, so no vendors are known");
  }
  if (file < 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("the policy cannot be read (", std::strerror(errno), ")"));
  }
  const absl::Cleanup close_file = [file] { close(file); };
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
      stat(directory.c_str(), &parent) != 0) {
    return absl::InvalidArgumentError("the policy is not a file");
  }
  if (status.st_uid != parent.st_uid) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the policy belongs to user ", status.st_uid, ", the directory to ",
        parent.st_uid, ": programs do not trust it"));
  }
  PolicyFile policy;
  policy.bytes = static_cast<std::uint64_t>(status.st_size);
  if (policy.bytes > kMaxPolicyBytes) {
    return absl::InvalidArgumentError("the policy is too large");
  }
  policy.words.resize((policy.bytes + 7) / 8);
  std::uint64_t got = 0;
  while (got < policy.bytes) {
    const ssize_t more =
        pread(file, reinterpret_cast<char*>(policy.words.data()) + got,
              policy.bytes - got, static_cast<off_t>(got));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) {
      return absl::InvalidArgumentError("the policy cannot be read to its end");
    }
    got += static_cast<std::uint64_t>(more);
  }
  const PolicyError error = PolicyView::Open(
      {reinterpret_cast<const std::byte*>(policy.words.data()), policy.bytes},
      &policy.view);
  if (error != PolicyError::kOk) {
    return absl::InvalidArgumentError(
        absl::StrCat("the policy is damaged or of another version (",
                     std::string(Describe(error)), ")"));
  }
  return policy;
}

}  // namespace proxymeter::cli
