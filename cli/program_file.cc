#include "cli/program_file.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace proxymeter::cli {
namespace {

// What execvp(3) uses when PATH is not set.
constexpr char kDefaultPath[] = "/bin:/usr/bin";

bool IsExecutableFile(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<std::string> ResolveCommand(const std::string& command,
                                          const char* path_variable) {
  if (command.empty()) return std::nullopt;
  if (command.find('/') != std::string::npos) {
    if (IsExecutableFile(command)) return command;
    return std::nullopt;
  }
  const absl::string_view path =
      path_variable == nullptr ? kDefaultPath : path_variable;
  for (absl::string_view folder : absl::StrSplit(path, ':')) {
    // An empty entry is the working directory (POSIX, 8.3).
    const std::string file =
        absl::StrCat(folder.empty() ? "." : folder, "/", command);
    if (IsExecutableFile(file)) return file;
  }
  return std::nullopt;
}

bool RaisesPrivilege(const struct stat& file, uid_t uid, gid_t gid) {
  if ((file.st_mode & S_ISUID) != 0 && file.st_uid != uid) return true;
  // Without group execution the bit meant mandatory locking (execve(2)).
  return (file.st_mode & S_ISGID) != 0 && (file.st_mode & S_IXGRP) != 0 &&
         file.st_gid != gid;
}

}  // namespace proxymeter::cli
