// Tells when files may have changed.
#ifndef PROXYMETER_COLLECTOR_RELOAD_FILE_WATCH_H_
#define PROXYMETER_COLLECTOR_RELOAD_FILE_WATCH_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "collector/reload/watched_path.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

/// By inotify(7), of each name on the way to each file and of the files
/// themselves: so it sees what editors do (rename), what Kubernetes does to a
/// ConfigMap (a swapped link), files that come, go and come back, and replaced
/// directories. Where inotify is not to be had, or has lost events, files are
/// looked at every second instead until it works; the log says so. As inotify
/// is silent on some network file systems, they are looked at now and then all
/// the same. For one thread.
class FileWatch {
 public:
  struct Options {
    std::chrono::milliseconds without_inotify = std::chrono::seconds(1);
    std::chrono::milliseconds beside_inotify = std::chrono::seconds(10);
    /// As inotify_init1(2), without blocking; -1 and errno when there is none.
    std::function<int()> open_inotify{};
  };
  FileWatch();  // with the options as they stand above
  explicit FileWatch(Options options);

  /// Watches these files, and those of before no more. True when one of them
  /// was not watched before: what was read of it by now may be old already.
  bool Watch(std::vector<std::string> paths);

  /// Becomes readable when something may have happened; -1: there is none.
  int descriptor() const { return inotify_.get(); }
  /// After how long Changed is to be asked even without that.
  std::chrono::milliseconds patience() const;

  /// Whether a file may have changed since this or Watch was called last.
  bool Changed();

 private:
  // What the events of one watch have to name in order to matter.
  struct Interest {
    std::set<std::string> names;  // in a directory
    bool itself = false;          // a file
  };

  bool TakeEvents();
  void Follow();
  bool Add(const std::string& path, std::uint32_t events, int* watch);
  void Lose(const std::string& why);
  std::vector<PathStep> Way() const;
  std::vector<FileState> States() const;

  const Options options_;
  std::vector<std::string> paths_;
  std::vector<FileState> seen_;
  ScopedFd inotify_;
  std::map<int, Interest> interests_;  // by watch descriptor
  bool lost_ = false;                  // and said so
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RELOAD_FILE_WATCH_H_
