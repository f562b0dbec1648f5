#include "cli/doctor/socket_owners.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace proxymeter::cli {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// Calls `visit` for the entries of a folder whose names are numbers.
void ForEachNumber(DIR* folder,
                   const std::function<void(const char* name, int)>& visit) {
  while (const dirent* entry = readdir(folder)) {
    int number;
    if (absl::SimpleAtoi(static_cast<const char*>(entry->d_name), &number)) {
      visit(static_cast<const char*>(entry->d_name), number);
    }
  }
}

/// The inode of "socket:[4711]"; 0 for other files.
std::uint32_t SocketInode(int folder, const char* name) {
  char target[64];
  const ssize_t length = readlinkat(folder, name, target, sizeof target);
  if (length <= 0) return 0;
  absl::string_view text(target, static_cast<std::size_t>(length));
  std::uint32_t inode = 0;
  if (!absl::ConsumePrefix(&text, "socket:[") ||
      !absl::ConsumeSuffix(&text, "]") || !absl::SimpleAtoi(text, &inode)) {
    return 0;
  }
  return inode;
}

}  // namespace

std::map<std::uint32_t, std::vector<pid_t>> FindOwners(
    const std::set<std::uint32_t>& inodes, const std::string& proc) {
  std::map<std::uint32_t, std::vector<pid_t>> owners;
  const Folder processes(opendir(proc.c_str()));
  if (processes == nullptr || inodes.empty()) return owners;
  ForEachNumber(processes.get(), [&](const char* process, pid_t pid) {
    // Those that may not be looked into, and those that end meanwhile.
    const Folder descriptors(opendir((proc + "/" + process + "/fd").c_str()));
    if (descriptors == nullptr) return;
    ForEachNumber(descriptors.get(), [&](const char* descriptor, int) {
      const std::uint32_t inode =
          SocketInode(dirfd(descriptors.get()), descriptor);
      if (!inodes.contains(inode)) return;
      std::vector<pid_t>& pids = owners[inode];
      if (pids.empty() || pids.back() != pid) pids.push_back(pid);
    });
  });
  for (auto& [inode, pids] : owners) std::sort(pids.begin(), pids.end());
  return owners;
}

}  // namespace proxymeter::cli
