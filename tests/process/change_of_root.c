// After the first connection the program leaves for a place where neither
// socket, policy nor journals are to be found.
#define _GNU_SOURCE
#include <sys/stat.h>

#include "namespaces.h"

enum { kDestinations = 200 };

int main(void) {
  const struct sockaddr_in server = StartServer(2);
  int connection = ConnectTo(&server);
  Exchange(connection);
  EnterOwnMounts();
  CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, "") == 0);
  CHECK(chroot("/mnt") == 0 && chdir("/") == 0);
  CHECK(access("/proc", F_OK) == -1);
  // More than the journal has rows for without growing.
  for (int i = 0; i < kDestinations; ++i) {
    char request[sizeof(kRequest)];
    snprintf(request, sizeof(request),
             "GET http://d%03d.test/ HTTP/1.1\r\nHost: d%03d.test\r\n\r\n", i,
             i);
    CHECK(send(connection, request, sizeof(request) - 1, 0) ==
          sizeof(request) - 1);
    ReceiveResponse(connection);
  }
  close(connection);
  connection = ConnectTo(&server);
  Exchange(connection);
  close(connection);
  printf("connections 2 ");
  Expect(kDestinations + 2, kDestinations + 2);
  return 0;
}
