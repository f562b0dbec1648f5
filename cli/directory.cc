#include "cli/directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

constexpr char kRootDirectory[] = "/run/proxymeter";
constexpr char kUserDirectoryName[] = "proxymeter";
constexpr mode_t kDirectoryMode = 0755;
// Every user may add a journal, none may list or remove another's.
constexpr mode_t kJournalsMode = 01733;

absl::StatusOr<std::string> Absolute(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) {
    return absl::InternalError("cannot make " + path.string() +
                               " absolute: " + error.message());
  }
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace

Surroundings OwnSurroundings() {
  return {[](const char* name) -> const char* { return std::getenv(name); },
          geteuid() == 0};
}

absl::StatusOr<std::string> ChooseDirectory(std::string_view option,
                                            const Surroundings& surroundings) {
  if (!option.empty()) return Absolute(option);
  const char* named = surroundings.variable(kDirectoryVariable);
  if (named != nullptr && *named != '\0') return Absolute(named);
  if (surroundings.root) return kRootDirectory;
  const char* runtime = surroundings.variable("XDG_RUNTIME_DIR");
  // The XDG base directory specification: relative values are to be ignored.
  if (runtime != nullptr && *runtime == '/') {
    return Absolute(std::filesystem::path(runtime) / kUserDirectoryName);
  }
  return absl::FailedPreconditionError(
      "no directory to work in: give --dir DIR, or set PROXYMETER_DIR or "
      "XDG_RUNTIME_DIR");
}

void PrepareDirectory(const std::string& directory) {
  const std::filesystem::path path = directory;
  std::error_code ignored;
  // A collector of another user could not use what we would make.
  std::filesystem::path existing = path;
  while (!std::filesystem::exists(existing, ignored) &&
         existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  struct stat info {};
  if (stat(existing.c_str(), &info) != 0 || info.st_uid != geteuid()) return;
  std::filesystem::create_directories(path.parent_path(), ignored);
  // Not chmod afterwards: by then the name could be somebody else's link.
  const mode_t mask = umask(0);
  mkdir(path.c_str(), kDirectoryMode);
  mkdir((path / kJournalsName).c_str(), kJournalsMode);
  umask(mask);
}

}  // namespace proxymeter::cli
