// What a process makes of itself: children, which may take descriptors along,
// and prisoners.
#include <sys/prctl.h>

#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/sandbox.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

// A filter can also be set by the raw seccomp(2), which nobody sees. Without
// privileges no_new_privs has to come first.
bool EntersSandbox(int option, unsigned long argument) {
  return option == PR_SET_SECCOMP ||
         (option == PR_SET_NO_NEW_PRIVS && argument == 1);
}

}  // namespace

pid_t fork() {
  const pid_t child = libc.fork();
  if (child > 0) shim.process.NoteFork();
  return child;
}

int posix_spawn(pid_t* pid, const char* path,
                const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* argv,
                char* const* environment) {
  const int error =
      libc.posix_spawn(pid, path, actions, attributes, argv, environment);
  if (error == 0) shim.process.NoteChild();
  return error;
}

int posix_spawnp(pid_t* pid, const char* path,
                 const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const* argv,
                 char* const* environment) {
  const int error =
      libc.posix_spawnp(pid, path, actions, attributes, argv, environment);
  if (error == 0) shim.process.NoteChild();
  return error;
}

int prctl(int option, unsigned long a, unsigned long b, unsigned long c,
          unsigned long d) {
  // A vfork child locks itself up, before exec, and not its parent.
  if (!EntersSandbox(option, a) || shim.process.IsBorrowed()) {
    return libc.prctl(option, a, b, c, d);
  }
  const bool silent = FallSilent();
  const int result = libc.prctl(option, a, b, c, d);
  if (result != 0 && !silent) SpeakAgain();
  return result;
}

}  // namespace proxymeter::shim::hooks
