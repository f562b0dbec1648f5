#include "cli/doctor/meeting_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cli/doctor/policy_file.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

constexpr char kSystemDirectory[] = "/run/proxymeter";

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
  const auto policy = ReadPolicyFile(directory);
  if (!policy.ok()) {
    return {"policy", Verdict::kLimited,
            absl::StrCat(policy.status().message(),
                         ": connections count as direct or not at all"),
            "start the collector anew with --config FILE"};
  }
  return {"policy", Verdict::kOk,
          absl::StrCat("valid, ", policy->text().size(), " bytes"), ""};
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

std::string DirectoryOf(const ProcessView& process) {
  const std::string named = process.Variable(kDirectoryVariable).value_or("");
  if (!named.empty() && named.front() == '/') return named;
  std::error_code ignored;
  const std::string user = process.Variable("XDG_RUNTIME_DIR").value_or("");
  if (!user.empty() && user.front() == '/' &&
      !std::filesystem::exists(process.Seen(kSystemDirectory), ignored)) {
    return user + "/proxymeter";
  }
  return kSystemDirectory;
}

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
