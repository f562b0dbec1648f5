#include "collector/reload/watched_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace proxymeter::collector {
namespace {

// As many as the kernel follows (path_resolution(7)).
constexpr int kMaxLinks = 40;

// What is to be looked up in turn, the next one last.
void Push(std::vector<std::string>& names, std::string_view path) {
  std::vector<std::string> split;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (!name.empty() && name != ".") split.emplace_back(name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  names.insert(names.end(), split.rbegin(), split.rend());
}

std::string Join(const std::string& directory, const std::string& name) {
  return absl::StrCat(directory, directory == "/" ? "" : "/", name);
}

std::string WorkingDirectory() {
  const std::unique_ptr<char, decltype(&std::free)> name(getcwd(nullptr, 0),
                                                         &std::free);
  return name == nullptr ? "/" : name.get();
}

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::vector<PathStep> StepsTo(const std::string& path) {
  std::vector<PathStep> steps;
  std::vector<std::string> names;
  std::string directory = path.starts_with('/') ? "/" : WorkingDirectory();
  Push(names, path);
  int links = 0;
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
      continue;
    }
    steps.push_back({directory, name});
    const std::string here = Join(directory, name);
    std::array<char, PATH_MAX> target;
    const ssize_t length = readlink(here.c_str(), target.data(), target.size());
    if (length >= 0) {
      if (++links > kMaxLinks) break;
      if (length > 0 && target[0] == '/') directory.resize(1);
      Push(names, {target.data(), static_cast<std::size_t>(length)});
      continue;
    }
    if (errno != EINVAL) break;  // EINVAL: there, and no link.
    directory = here;
  }
  return steps;
}

FileState StateOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {.error = errno};
  return {.error = 0,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = Nanoseconds(status.st_mtim),
          .changed_ns = Nanoseconds(status.st_ctim)};
}

}  // namespace proxymeter::collector
