// A child in a process namespace of its own, where its number means nothing to
// the collector: it goes on with what it inherited, opens its own, and runs
// another program.
#define _GNU_SOURCE
#include <sys/wait.h>

#include "namespaces.h"

int main(int argc, char** argv) {
  if (argc == 2) {
    CHECK(strcmp(argv[1], "inside") == 0 && getpid() == 1);
    const int connection = ConnectToPeer(1);
    Exchange(connection);
    close(connection);
    return 0;
  }
  const int shared = ConnectToPeer(3);
  Exchange(shared);
  REQUIRE(unshare(CLONE_NEWPID) == 0, "root and PID namespaces");
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(getpid() == 1);
    Exchange(shared);
    close(shared);
    const int own = ConnectToPeer(1);
    Exchange(own);
    close(own);
    execl(argv[0], argv[0], "inside", (char*)NULL);
    _exit(1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  Exchange(shared);
  close(shared);
  Expect(5, 5);
  return 0;
}
