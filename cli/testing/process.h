// Runs a program and keeps what it says.
#ifndef PROXYMETER_CLI_TESTING_PROCESS_H_
#define PROXYMETER_CLI_TESTING_PROCESS_H_

#include <string>
#include <vector>

namespace proxymeter::cli {

struct ProcessResult {
  int status = -1;  ///< as from waitpid(2)
  std::string out;
  std::string err;

  /// The exit status; -1 when a signal ended the process.
  int exit_status() const;
};

/// Runs `arguments`, found by $PATH, to its end. `environment` replaces this
/// process's own.
ProcessResult RunProcess(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment);

/// A new empty directory below the system's temporary one.
std::string MakeTempDirectory();

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_PROCESS_H_
