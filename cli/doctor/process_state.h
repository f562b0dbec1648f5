// Whether a running process is metered, and those that it will start.
#ifndef PROXYMETER_CLI_DOCTOR_PROCESS_STATE_H_
#define PROXYMETER_CLI_DOCTOR_PROCESS_STATE_H_

#include "cli/doctor/finding.h"
#include "cli/doctor/process.h"

namespace proxymeter::cli {

/// May this user read what decides?
Finding ExamineAccess(const ProcessView& process);

/// Is libproxymeter.so mapped?
Finding ExamineLoaded(const ProcessView& process);

/// Did the loader ignore LD_PRELOAD (AT_SECURE)?
Finding ExamineSecureMode(const ProcessView& process);

/// Is the preload in its environment, which programs that it starts inherit,
/// and does its path lead to a library where the process lives?
Finding ExamineChildren(const ProcessView& process);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_PROCESS_STATE_H_
