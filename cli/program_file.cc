#include "cli/program_file.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/elf_header.h"

namespace proxymeter::cli {
namespace {

// What execvp(3) uses when PATH is not set, and for a file without a format.
constexpr char kDefaultPath[] = "/bin:/usr/bin";
constexpr char kShell[] = "/bin/sh";
// The kernel follows no more interpreters of interpreters (BINPRM recursion).
constexpr int kMaxInterpreters = 5;

bool IsExecutableFile(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

bool HasFileCapabilities(const std::string& path) {
  return getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

/// The interpreter that a script names after "#!"; nothing for other files.
std::optional<std::string> ScriptInterpreter(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char mark[2] = {};
  if (!file.read(mark, sizeof(mark)) || mark[0] != '#' || mark[1] != '!') {
    return std::nullopt;
  }
  // Longer than the kernel's own limit for the line (BINPRM_BUF_SIZE, 256).
  std::string line(512, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<size_t>(file.gcount()));
  line.resize(std::min(line.find('\n'), line.size()));
  const absl::string_view words = absl::StripAsciiWhitespace(line);
  return std::string(words.substr(0, words.find_first_of(" \t")));
}

std::optional<std::string> Inspect(const std::string& path, int depth) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) {
    return std::nullopt;
  }
  const auto header = ReadElfHeader(path);
  if (!header.ok()) {
    if (!absl::IsInvalidArgument(header.status())) return std::nullopt;
    if (depth == kMaxInterpreters || path == kShell) return std::nullopt;
    return Inspect(ScriptInterpreter(path).value_or(kShell), depth + 1);
  }
  if (!header->for_this_machine) {
    return absl::StrCat(path, " is built for another kind of machine than ",
                        "libproxymeter.so");
  }
  if (!header->has_interpreter) {
    return absl::StrCat(path, " is statically linked and loads no library");
  }
  if (RaisesPrivilege(file, getuid(), getgid())) {
    return absl::StrCat(path, " is set-user-ID or set-group-ID, for which the ",
                        "system ignores LD_PRELOAD");
  }
  if (getuid() != 0 && HasFileCapabilities(path)) {
    return absl::StrCat(path, " has file capabilities, for which the system ",
                        "ignores LD_PRELOAD");
  }
  return std::nullopt;
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

std::optional<std::string> WhyNotMetered(const std::string& path) {
  return Inspect(path, 0);
}

}  // namespace proxymeter::cli
