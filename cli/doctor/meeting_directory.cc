#include "cli/doctor/meeting_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "proxymeter/limits.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {
namespace {

// A million rules make 100 MB.
constexpr std::uint64_t kMaxPolicyBytes = std::uint64_t{1} << 30;

bool MayAdd(const std::string& folder, std::optional<uid_t> uid) {
  if (!uid.has_value() || *uid == geteuid()) {
    return faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
  }
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) return false;
  const mode_t wanted =
      status.st_uid == *uid ? S_IWUSR | S_IXUSR : S_IWOTH | S_IXOTH;
  return *uid == 0 || (status.st_mode & wanted) == wanted;
}

Finding ExamineCollector(const std::string& directory) {
  const std::string start =
      "start one: proxymeter collector --config FILE; until then counts wait "
      "in journals/";
  // By way of a descriptor: a socket's address has room for 107 bytes.
  const int folder = open(directory.c_str(), O_PATH | O_CLOEXEC);
  const int client =
      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const absl::Cleanup close_both = [=] {
    if (folder >= 0) close(folder);
    if (client >= 0) close(client);
  };
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path =
      absl::StrCat("/proc/self/fd/", folder, "/", kSocketName);
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(client, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 ||
      errno == EAGAIN) {  // alive, and more are waiting than it has room for
    return {"collector", Verdict::kOk, "a collector listens here", ""};
  }
  const int error = errno;
  if (error == EACCES || error == EPERM) {
    return {"collector", Verdict::kUnknown,
            "its socket may not be connected to by this user",
            "the socket's mode should be 0666: restart the collector"};
  }
  return {
      "collector", Verdict::kLimited,
      absl::StrCat("no collector listens here (", std::strerror(error), ")"),
      start};
}

Finding ExaminePolicy(const std::string& directory) {
  const auto bad = [](std::string what) -> Finding {
    return {"policy", Verdict::kLimited,
            what + ": connections count as direct or not at all",
            "start the collector anew with --config FILE"};
  };
  const std::string path = absl::StrCat(directory, "/", kPolicyName);
  struct stat parent, status;
  const int file =
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return bad(errno == ENOENT ? "no policy, so no vendors are known"
                               : absl::StrCat("the policy cannot be read (",
                                              std::strerror(errno), ")"));
  }
  const absl::Cleanup close_file = [file] { close(file); };
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
      stat(directory.c_str(), &parent) != 0) {
    return bad("the policy is not a file");
  }
  if (status.st_uid != parent.st_uid) {
    return bad(absl::StrCat("the policy belongs to user ", status.st_uid,
                            ", the directory to ", parent.st_uid,
                            ": programs do not trust it"));
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes > kMaxPolicyBytes) return bad("the policy is too large");
  std::vector<std::uint64_t> words((bytes + 7) / 8);
  std::uint64_t got = 0;
  while (got < bytes) {
    const ssize_t more =
        pread(file, reinterpret_cast<char*>(words.data()) + got, bytes - got,
              static_cast<off_t>(got));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return bad("the policy cannot be read to its end");
    got += static_cast<std::uint64_t>(more);
  }
  PolicyView view;
  const PolicyError error = PolicyView::Open(
      {reinterpret_cast<const std::byte*>(words.data()), bytes}, &view);
  if (error != PolicyError::kOk) {
    return bad(absl::StrCat("the policy is damaged or of another version (",
                            std::string(Describe(error)), ")"));
  }
  return {"policy", Verdict::kOk, absl::StrCat("valid, ", bytes, " bytes"), ""};
}

Finding ExamineFolder(const std::string& directory, const std::string& name,
                      std::optional<uid_t> uid, bool collector) {
  const std::string journals = absl::StrCat(directory, "/", kJournalsName);
  if (!MayAdd(journals, uid)) {
    return {
        "directory", collector ? Verdict::kLimited : Verdict::kCannot,
        absl::StrCat("no journal can be made in ", name, "/", kJournalsName),
        collector ? "what is not sent when a process dies is lost: restart "
                    "the collector, which sets its mode"
                  : "start a collector with this --dir, or name another"};
  }
  struct statfs system;
  if (statfs(directory.c_str(), &system) == 0 && system.f_type != TMPFS_MAGIC &&
      system.f_type != RAMFS_MAGIC) {
    return {"directory", Verdict::kLimited,
            name + " is on a disk: writing back a page can stall the program",
            "use a directory on a tmpfs, such as one below /run or /dev/shm"};
  }
  return {"directory", Verdict::kOk, name + ", in memory, journals/ writable",
          ""};
}

}  // namespace

Findings ExamineDirectory(const std::string& directory, const std::string& name,
                          std::optional<uid_t> uid) {
  struct stat status;
  if (stat(directory.c_str(), &status) != 0) {
    const bool missing = errno == ENOENT;
    return {{"directory", missing ? Verdict::kLimited : Verdict::kCannot,
             missing ? name + " does not exist yet"
                     : absl::StrCat(name, ": ", std::strerror(errno)),
             missing ? "start a collector with this --dir; 'proxymeter run' "
                       "makes it too, where it may"
                     : "name another with --dir"}};
  }
  if (!S_ISDIR(status.st_mode)) {
    return {{"directory", Verdict::kCannot, name + " is not a directory",
             "name another with --dir"}};
  }
  const Finding collector = ExamineCollector(directory);
  return {
      ExamineFolder(directory, name, uid, collector.verdict == Verdict::kOk),
      ExaminePolicy(directory), collector};
}

}  // namespace proxymeter::cli
