#include "cli/doctor/library_search.h"

#include <glob.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxModules = 1000;
constexpr int kMaxIncludes = 8;
// glibc's, then musl's.
constexpr const char* kSystemFolders[] = {"/lib64", "/usr/lib64", "/lib",
                                          "/usr/lib", "/usr/local/lib"};

std::vector<std::string> Matches(const std::string& pattern) {
  glob_t found = {};
  const absl::Cleanup release = [&found] { globfree(&found); };
  if (glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

void ReadLoaderConfiguration(const std::string& path, int depth,
                             std::vector<std::string>* folders) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    absl::string_view text = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&text, "include ")) {
      if (depth == kMaxIncludes) continue;
      const std::string pattern(absl::StripAsciiWhitespace(text));
      const std::string from_here =
          (fs::path(path).parent_path() / pattern).string();
      for (const std::string& match : Matches(from_here)) {
        ReadLoaderConfiguration(match, depth + 1, folders);
      }
    } else if (absl::StartsWith(text, "/")) {
      folders->emplace_back(text);
    }
  }
}

std::vector<std::string> SystemFolders() {
  std::vector<std::string> folders;
  ReadLoaderConfiguration("/etc/ld.so.conf", 0, &folders);
  folders.insert(folders.end(), std::begin(kSystemFolders),
                 std::end(kSystemFolders));
  return folders;
}

void AddFolders(const std::string& list, const std::string& origin,
                std::vector<std::string>* folders) {
  for (absl::string_view folder :
       absl::StrSplit(list, absl::ByAnyChar(":;"), absl::SkipEmpty())) {
    folders->push_back(absl::StrReplaceAll(
        folder, {{"$ORIGIN", origin}, {"${ORIGIN}", origin}}));
  }
}

/// The file itself, whichever links lead to it: one module is loaded once.
std::string Canonical(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  return error ? path : canonical.string();
}

std::optional<std::string> FindIn(const std::vector<std::string>& folders,
                                  const std::string& name) {
  for (const std::string& folder : folders) {
    const std::string path = (fs::path(folder) / name).string();
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    const auto file = ReadElfFile(path);
    if (file.ok() && file->for_this_machine) return path;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindLibraryFile(const std::string& name) {
  if (absl::StrContains(name, '/')) return std::nullopt;
  return FindIn(SystemFolders(), name);
}

LinkedLibraries FindLinkedLibraries(const std::string& program,
                                    const std::string& library_path) {
  const std::vector<std::string> system = SystemFolders();
  LinkedLibraries result;
  result.modules.push_back(Canonical(program));
  std::set<std::string> seen_names;
  std::set<std::string> seen_files = {result.modules.front()};
  for (size_t i = 0; i < result.modules.size(); ++i) {
    const std::string module = result.modules[i];
    const auto file = ReadElfFile(module);
    if (!file.ok()) continue;
    std::vector<std::string> folders;
    const std::string origin = fs::path(module).parent_path().string();
    AddFolders(file->search_path, origin, &folders);
    AddFolders(library_path, origin, &folders);
    folders.insert(folders.end(), system.begin(), system.end());
    for (const std::string& name : file->needed) {
      if (result.modules.size() >= kMaxModules) return result;
      if (!seen_names.insert(name).second) continue;
      const auto path = absl::StrContains(name, '/') ? std::optional(name)
                                                     : FindIn(folders, name);
      if (!path.has_value()) {
        result.missing.push_back(name);
      } else if (seen_files.insert(Canonical(*path)).second) {
        result.modules.push_back(Canonical(*path));
      }
    }
  }
  return result;
}

}  // namespace proxymeter::cli
