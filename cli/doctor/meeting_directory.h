// Whether counts find their way: the directory that programs and collector
// share.
#ifndef PROXYMETER_CLI_DOCTOR_MEETING_DIRECTORY_H_
#define PROXYMETER_CLI_DOCTOR_MEETING_DIRECTORY_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "cli/doctor/finding.h"
#include "cli/doctor/process.h"

namespace proxymeter::cli {

/// Findings on `directory` itself, the policy and the collector. `name` is what
/// to call it, where it is reached by another path. `uid` is whose programs are
/// to write there; nothing for this process's own user.
Findings ExamineDirectory(const std::string& directory, const std::string& name,
                          std::optional<uid_t> uid);

/// Where the library in a process that is none of `run`'s looks for the
/// collector (shim/environment.cc), as the process sees it.
std::string DirectoryOf(const ProcessView& process);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_MEETING_DIRECTORY_H_
