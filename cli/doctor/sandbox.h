// What confines a program, and what that means for metering it.
#ifndef PROXYMETER_CLI_DOCTOR_SANDBOX_H_
#define PROXYMETER_CLI_DOCTOR_SANDBOX_H_

#include <string>

#include "cli/doctor/finding.h"
#include "cli/doctor/process.h"

namespace proxymeter::cli {

/// By the files beside the program: does it start sandboxed processes as
/// Chromium does?
Finding ExamineSandboxOfFile(const std::string& program);

/// By what the kernel says of the process. `own` is this very process: what
/// confines both is the container's.
Finding ExamineSandboxOfProcess(const ProcessView& process,
                                const ProcessView& own);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_SANDBOX_H_
