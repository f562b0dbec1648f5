// All examinations of a program, a process or this environment.
#ifndef PROXYMETER_CLI_DOCTOR_EXAMINE_H_
#define PROXYMETER_CLI_DOCTOR_EXAMINE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "cli/doctor/report.h"

namespace proxymeter::cli {

/// Would `proxymeter run -- command`, here and by this user, meter it? Executes
/// nothing. `directory` is --dir, empty for the default.
Report ExamineCommand(const std::string& command, const std::string& directory);

/// Is the process metered, and what of it is seen? Without `directory` its own
/// environment names it.
Report ExamineProcess(pid_t pid, const std::string& directory);

/// Are library and directory there for anything to be metered?
Report ExamineEnvironment(const std::string& directory);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_EXAMINE_H_
