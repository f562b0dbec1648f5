// A process as /proc shows it.
#ifndef PROXYMETER_CLI_DOCTOR_PROCESS_H_
#define PROXYMETER_CLI_DOCTOR_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace proxymeter::cli {

struct MappedFile {
  std::string path;
  bool deleted = false;  ///< unlinked or replaced since it was mapped
};

/// What could not be read, for want of privilege as a rule, is nullopt.
struct ProcessView {
  std::string folder;  ///< "/proc/123"
  std::string name;
  pid_t parent = 0;  ///< 0: none in this PID namespace
  uid_t uid = 0;
  /// System calls are filtered: 0 not, 1 strict, 2 by filters (seccomp(2)).
  int seccomp = 0;
  int seccomp_filters = 0;  ///< how many; 0 before Linux 5.9
  bool no_new_privileges = false;
  std::optional<std::string> executable;
  /// Files mapped with execution, each once, in the order of addresses.
  std::optional<std::vector<MappedFile>> modules;
  /// Files that it may write to through memory it shares (MAP_SHARED).
  std::vector<std::string> shared_files;
  /// "NAME=value", as the program was started with.
  std::optional<std::vector<std::string>> environment;
  /// It lives in another mount namespace or below another root, so that its
  /// paths mean other files there than here.
  bool other_files = false;
  /// The loader ran in secure-execution mode (AT_SECURE, getauxval(3)).
  std::optional<bool> secure;

  /// The value in `environment`; nothing when it is not set or not known.
  std::optional<std::string> Variable(std::string_view variable) const;

  /// Where this process finds the other's file `path`.
  std::string Seen(const std::string& path) const {
    return other_files ? folder + "/root" + path : path;
  }
};

/// `folder` is /proc/PID. Fails with NOT_FOUND when there is no such process.
absl::StatusOr<ProcessView> ReadProcess(const std::string& folder);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_PROCESS_H_
