// Whether the dynamic loader gets to preload anything into a program.
#ifndef PROXYMETER_CLI_DOCTOR_LOADING_H_
#define PROXYMETER_CLI_DOCTOR_LOADING_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "cli/doctor/finding.h"
#include "cli/doctor/program_image.h"

namespace proxymeter::cli {

/// Who would run the program.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  /// Set-ID bits and file capabilities raise nothing (PR_SET_NO_NEW_PRIVS).
  bool no_new_privileges = false;
};

/// Of this process, by its real IDs.
Identity OwnIdentity();

/// Is it for the machine that libproxymeter.so is for?
Finding ExamineMachine(const ProgramImage& image);

/// Does it load libraries, and call libc? Static programs and Go do not.
Finding ExamineLinking(const ProgramImage& image);

/// Does the system ignore LD_PRELOAD because the file raises the privilege of
/// `identity` (ld.so(8), secure-execution mode)?
Finding ExaminePrivilege(const ProgramImage& image, const Identity& identity);

/// Why libproxymeter.so will not be loaded into the program, run by this user,
/// or will see nothing there, as the end of the sentence "... cannot be
/// metered: "; nothing when it will.
std::optional<std::string> WhyNotMetered(const ProgramImage& image);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_LOADING_H_
