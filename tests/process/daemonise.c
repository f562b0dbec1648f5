// A program goes into the background as the books say, and crawls from there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "server.h"

// Waits for the daemon, which is nobody's child, by a pipe that it holds.
int main(void) {
  const struct sockaddr_in server = StartServer(3);
  int connection = ConnectTo(&server);
  Exchange(connection);
  int alive[2];
  CHECK(pipe(alive) == 0);
  Expect(4, 4);
  fflush(stdout);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child > 0) {
    close(alive[1]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    char answer = 'n';
    CHECK(read(alive[0], &answer, 1) == 1 && answer == 'y');
    Exchange(connection);
    close(connection);
    return 0;
  }
  if (setsid() < 0) _exit(1);
  const pid_t grandchild = fork();
  if (grandchild != 0) _exit(grandchild < 0);
  umask(0);
  if (chdir("/") != 0) _exit(1);
  for (int fd = 0; fd < 1024; ++fd) {
    if (fd != alive[1]) close(fd);
  }
  const int null = open("/dev/null", O_RDWR);
  if (null != 0 || dup(null) != 1 || dup(null) != 2) _exit(1);
  for (int i = 0; i < 2; ++i) {
    connection = ConnectTo(&server);
    Exchange(connection);
    close(connection);
  }
  if (write(alive[1], "y", 1) != 1) _exit(1);
  _exit(0);
}
