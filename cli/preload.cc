#include "cli/preload.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kSeparators[] = ": ";

std::vector<fs::path> Candidates(const fs::path& prefix) {
  std::vector<fs::path> folders = {prefix / "lib", prefix / "lib64",
                                   prefix / "lib" / "proxymeter"};
  std::vector<fs::path> nested;
  std::error_code error;
  for (fs::directory_iterator it(prefix / "lib", error), end;
       !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) nested.push_back(it->path());
  }
  std::sort(nested.begin(), nested.end());
  folders.insert(folders.end(), nested.begin(), nested.end());
  for (fs::path& folder : folders) folder /= kLibraryName;
  return folders;
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool IsForThisMachine(const fs::path& path) {
  const auto file = ReadElfFile(path.string());
  return file.ok() && file->for_this_machine;
}

}  // namespace

absl::StatusOr<std::string> FindLibrary(const std::string& named,
                                        const std::string& executable) {
  if (!named.empty()) {
    std::error_code error;
    const fs::path path = fs::absolute(named, error).lexically_normal();
    if (!error && IsFile(path)) return path.string();
    return absl::NotFoundError(absl::StrCat(kLibraryVariable, " names ", named,
                                            ", which is not a file"));
  }
  const fs::path prefix = fs::path(executable).parent_path().parent_path();
  for (const fs::path& path : Candidates(prefix)) {
    if (IsFile(path) && IsForThisMachine(path)) return path.string();
  }
  const std::string lib = (prefix / "lib").string();
  return absl::NotFoundError(absl::StrCat(
      "cannot find ", kLibraryName, " for this machine; looked in ", lib, ", ",
      (prefix / "lib64").string(), ", ", lib, "/proxymeter and ", lib,
      "/*; set ", kLibraryVariable, " to its path"));
}

absl::Status CheckPreloadable(const std::string& library) {
  if (library.find_first_of(kSeparators) == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot preload '", library,
                   "': the dynamic loader splits LD_PRELOAD at spaces and "
                   "colons, and the path has one; move it or link to it"));
}

std::string AppendPreload(const std::string& current,
                          const std::string& library) {
  if (current.empty()) return library;
  const std::vector<std::string> entries =
      absl::StrSplit(current, absl::ByAnyChar(kSeparators));
  for (const std::string& entry : entries) {
    if (entry.substr(entry.rfind('/') + 1) == kLibraryName ||
        entry == library) {
      return current;
    }
  }
  return absl::StrCat(current, ":", library);
}

}  // namespace proxymeter::cli
