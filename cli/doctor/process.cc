#include "cli/doctor/process.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

// No process has more memory mappings by default than make such a file
// (vm.max_map_count).
constexpr size_t kMaxBytes = size_t{32} << 20;
constexpr char kDeleted[] = " (deleted)";

std::optional<std::string> Contents(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  const absl::Cleanup close_file = [file] { close(file); };
  std::string text;
  char buffer[1 << 16];
  while (text.size() < kMaxBytes) {
    const ssize_t got = read(file, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

void ReadStatus(const std::string& text, ProcessView* process) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() < 2) continue;
    int value;
    if (!absl::SimpleAtoi(words[1], &value)) value = 0;
    if (words[0] == "Name:") {  // it may have spaces
      line.remove_prefix(words[1].data() - line.data());
      process->name.assign(line.data(), line.size());
    }
    if (words[0] == "PPid:") process->parent = value;
    if (words[0] == "Uid:") process->uid = static_cast<uid_t>(value);
    if (words[0] == "Seccomp:") process->seccomp = value;
    if (words[0] == "Seccomp_filters:") process->seccomp_filters = value;
    if (words[0] == "NoNewPrivs:") process->no_new_privileges = value != 0;
  }
}

void ReadMaps(const std::string& maps, ProcessView* process) {
  std::vector<MappedFile>& modules = process->modules.emplace();
  for (absl::string_view line : absl::StrSplit(maps, '\n')) {
    // address perms offset dev inode pathname (proc(5)); the path may have
    // spaces.
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::MaxSplits(' ', 5));
    if (words.size() < 6) continue;
    absl::string_view path = words[5];
    path.remove_prefix(std::min(path.find('/'), path.size()));
    MappedFile file;
    file.deleted = absl::ConsumeSuffix(&path, kDeleted);
    file.path.assign(path.data(), path.size());
    if (words[1] == "rw-s") process->shared_files.push_back(file.path);
    if (!absl::StrContains(words[1], 'x')) continue;
    const bool known = std::any_of(
        modules.begin(), modules.end(),
        [&](const MappedFile& other) { return other.path == file.path; });
    if (!file.path.empty() && !known) modules.push_back(std::move(file));
  }
}

std::optional<bool> Secure(const std::string& vector) {
  Elf64_auxv_t entry;
  for (size_t at = 0; at + sizeof(entry) <= vector.size();
       at += sizeof(entry)) {
    std::memcpy(&entry, vector.data() + at, sizeof(entry));
    if (entry.a_type == AT_SECURE) return entry.a_un.a_val != 0;
  }
  return std::nullopt;
}

/// Where a link leads; empty when it cannot be read.
std::string Target(const std::string& link) {
  std::error_code error;
  return fs::read_symlink(link, error).string();
}

bool HasOtherFiles(const std::string& folder) {
  const std::string space = Target(folder + "/ns/mnt");
  const std::string root = Target(folder + "/root");
  return (!space.empty() && space != Target("/proc/self/ns/mnt")) ||
         (!root.empty() && root != Target("/proc/self/root"));
}

}  // namespace

std::optional<std::string> ProcessView::Variable(
    std::string_view variable) const {
  if (!environment.has_value()) return std::nullopt;
  const std::string start = std::string(variable) + "=";
  for (const std::string& entry : *environment) {
    if (absl::StartsWith(entry, start)) return entry.substr(start.size());
  }
  return std::nullopt;
}

absl::StatusOr<ProcessView> ReadProcess(const std::string& folder) {
  const auto status = Contents(folder + "/status");
  if (!status.has_value()) {
    return absl::NotFoundError("there is no process in " + folder);
  }
  ProcessView process;
  process.folder = folder;
  ReadStatus(*status, &process);
  process.other_files = HasOtherFiles(folder);
  const std::string executable = Target(folder + "/exe");
  if (!executable.empty()) process.executable = executable;
  if (const auto maps = Contents(folder + "/maps")) {
    ReadMaps(*maps, &process);
  }
  if (const auto environment = Contents(folder + "/environ")) {
    process.environment = absl::StrSplit(*environment, '\0', absl::SkipEmpty());
  }
  if (const auto vector = Contents(folder + "/auxv")) {
    process.secure = Secure(*vector);
  }
  return process;
}

}  // namespace proxymeter::cli
