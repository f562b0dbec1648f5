// Spawned children whose file actions close, copy and replace what the parent
// goes on using.
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/wait.h>

#include "server.h"

extern char** environ;

int main(int argc, char** argv) {
  if (argc == 2) {
    // The child: with a connection of its own.
    const int connection = ConnectToPeer(1);
    Exchange(connection);
    close(connection);
    return 0;
  }
  enum { kChildren = 8 };
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  Exchange(connection);
  for (int i = 0; i < kChildren; ++i) {
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, 2, 90) == 0);
    if (i % 3 == 0) {
      CHECK(posix_spawn_file_actions_addclose(&actions, connection) == 0);
    } else if (i % 3 == 1) {
      CHECK(posix_spawn_file_actions_adddup2(&actions, 2, connection) == 0);
    } else {
      CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0);
    }
    pid_t child;
    char* const arguments[] = {argv[0], (char*)"child", NULL};
    CHECK(posix_spawn(&child, argv[0], &actions, NULL, arguments, environ) ==
          0);
    Exchange(connection);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  close(connection);
  Expect(1 + 2 * kChildren, 1 + 2 * kChildren);
  return 0;
}
