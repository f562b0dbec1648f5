// proxymeter doctor: says whether a program can be metered, and how well.
#ifndef PROXYMETER_CLI_DOCTOR_COMMAND_H_
#define PROXYMETER_CLI_DOCTOR_COMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

struct DoctorOptions {
  std::string directory;  ///< --dir; empty for the default
  bool json = false;
  bool pod = false;     ///< --pod: everybody who talks to vendors
  std::string process;  ///< PID; empty for none
  /// What stands behind "--"; must not be empty when `has_command`.
  std::vector<std::string> command;
  bool has_command = false;
};

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddDoctorCommand(CLI::App& app, DoctorOptions* options);

/// Examines and says what was found on `out`. Returns 0 when it can be metered,
/// 1 when it cannot, 2 with a message on `error` when the options make no
/// sense. Of a pod: 0 when all are covered, 1 when somebody is not, 2 also when
/// it cannot be told.
int Doctor(const DoctorOptions& options, std::ostream& out,
           std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_COMMAND_H_
