// A child made by the raw system call, past every atfork handler, uses and
// closes what it inherited.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "peer.h"

int main(void) {
  const int connection = ConnectToPeer(2);
  const pid_t child =
      (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  CHECK(child >= 0);
  if (child == 0) {
    SendRequest(connection);
    ReceiveResponse(connection);
    close(connection);
    syscall(SYS_exit_group, 0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(2, 2);
  return 0;
}
