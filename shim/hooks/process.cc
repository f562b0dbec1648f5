// Children, which may take descriptors along.
#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {

pid_t fork() {
  const pid_t child = libc.fork();
  if (child > 0) shim.process.NoteChild();
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

}  // namespace proxymeter::shim::hooks
