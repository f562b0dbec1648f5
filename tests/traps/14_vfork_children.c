// Children of vfork close, replace and range-close what their parent goes on
// using: in their own descriptor table, and in its memory.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "server.h"

enum { kRounds = 20 };

static void Leave(int way, int connection) {
  if (way == 0) close(connection);
  if (way == 1) dup2(2, connection);
  if (way == 2) dup3(2, connection, O_CLOEXEC);
  if (way == 3) close_range(3, ~0u, 0);
  if (way == 4) closefrom(3);
  execl("/bin/true", "true", (char*)NULL);
  _exit(1);
}

int main(void) {
  enum { kWays = 5 };
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  Exchange(connection);
  for (int i = 0; i < kRounds; ++i) {
    const pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) Leave(i % kWays, connection);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    Exchange(connection);
  }
  close(connection);
  Expect(1 + kRounds, 1 + kRounds);
  return 0;
}
