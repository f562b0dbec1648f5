// After the first connection the program becomes nobody, for good.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#include "server.h"

enum { kNobody = 65534, kDestinations = 200 };

int main(void) {
  REQUIRE(geteuid() == 0, "root");
  const struct sockaddr_in server = StartServer(2);
  int connection = ConnectTo(&server);
  Exchange(connection);
  CHECK(setgroups(0, NULL) == 0);
  CHECK(setresgid(kNobody, kNobody, kNobody) == 0);
  CHECK(setresuid(kNobody, kNobody, kNobody) == 0);
  CHECK(open("/etc/shadow", O_RDONLY) == -1 && errno == EACCES);
  // More than the journal, which is root's, has rows for without growing.
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
