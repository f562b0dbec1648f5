// The directory where shims and collector meet.
#ifndef PROXYMETER_COLLECTOR_INGEST_RUN_DIRECTORY_H_
#define PROXYMETER_COLLECTOR_INGEST_RUN_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

inline constexpr char kLockName[] = "collector.lock";

/// DIR, made fit for use and held by this collector alone: everything in it
/// (socket, policy, journals) may be replaced only by whoever has this object.
class RunDirectory {
 public:
  /// Creates what is missing: DIR (0755, with its parents), DIR/journals
  /// (01733: all may create files there, none may list or remove those of
  /// others) and DIR/collector.lock, which is locked with flock(2) for as long
  /// as the object lives.
  ///
  /// FAILED_PRECONDITION when another collector holds the directory;
  /// PERMISSION_DENIED and others with the path and the cause.
  static absl::StatusOr<RunDirectory> Open(const std::string& path);

  const std::string& path() const { return path_; }
  /// An open descriptor of DIR/journals.
  int journals_fd() const { return journals_.get(); }
  /// False on a disk file system, where writeback of a dirty page can stall a
  /// store in the application.
  bool in_memory() const { return in_memory_; }

 private:
  RunDirectory() = default;

  std::string path_;
  ScopedFd lock_;
  ScopedFd journals_;
  bool in_memory_ = false;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_INGEST_RUN_DIRECTORY_H_
