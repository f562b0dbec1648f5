// What a command line's first word would run, and with whose privilege.
#ifndef PROXYMETER_CLI_PROGRAM_FILE_H_
#define PROXYMETER_CLI_PROGRAM_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>

namespace proxymeter::cli {

/// The file that execvp(3) would run for `command` with this $PATH (nullptr
/// when unset); nothing when there is none.
std::optional<std::string> ResolveCommand(const std::string& command,
                                          const char* path_variable);

/// Whether running a file of this owner and mode raises the privilege of a
/// process of `uid` and `gid`. The loader then ignores LD_PRELOAD (ld.so(8),
/// secure-execution mode).
bool RaisesPrivilege(const struct stat& file, uid_t uid, gid_t gid);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_PROGRAM_FILE_H_
