// A FIN is no byte, on whichever side it comes first; a socket that two
// processes share is one socket.
#include <sys/wait.h>

#include "server.h"

int main(void) {
  const struct sockaddr_in server = StartServer(4);
  char byte;
  int connection = ConnectTo(&server);
  Exchange(connection);
  CHECK(shutdown(connection, SHUT_WR) == 0);
  CHECK(recv(connection, &byte, 1, 0) == 0);
  close(connection);

  connection = ConnectTo(&server);
  Exchange(connection);
  CHECK(shutdown(connection, SHUT_RDWR) == 0);
  close(connection);

  connection = ConnectTo(&server);
  CHECK(shutdown(connection, SHUT_RDWR) == 0);
  close(connection);

  connection = ConnectTo(&server);
  Exchange(connection);
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      Exchange(connection);
      close(connection);
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    Exchange(connection);
  }
  close(connection);
  printf("connections 4 ");
  Expect(9, 9);
  return 0;
}
