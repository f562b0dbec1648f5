// What has to be looked at to learn that a path leads to something else.
#ifndef PROXYMETER_COLLECTOR_RELOAD_WATCHED_PATH_H_
#define PROXYMETER_COLLECTOR_RELOAD_WATCHED_PATH_H_

#include <cstdint>
#include <string>
#include <vector>

namespace proxymeter::collector {

/// One step of a path's resolution: `name` is looked up in `directory`.
struct PathStep {
  std::string directory;  ///< absolute, without symbolic links
  std::string name;

  friend bool operator==(const PathStep&, const PathStep&) = default;
};

/// The steps from the root (or the working directory) to what `path` leads to,
/// through every symbolic link: replace any of these names, and the path may
/// lead elsewhere. Ends at the first name that is not there.
std::vector<PathStep> StepsTo(const std::string& path);

/// What can be told of a file without reading it. Equal states: most likely
/// the same content. A file that cannot be looked at has its errno.
struct FileState {
  int error = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  ///< both since the Unix epoch
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileState&, const FileState&) = default;
};
FileState StateOf(const std::string& path);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RELOAD_WATCHED_PATH_H_
