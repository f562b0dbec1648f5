// exec while a connection is open, in the middle of a response: what was
// counted stays, and the new program starts afresh.
#define _GNU_SOURCE
#include <fcntl.h>

#include "server.h"

enum { kPrograms = 4 };

int main(int argc, char** argv) {
  CHECK(argc <= 2);
  const int number = argc == 2 ? atoi(argv[1]) : 0;
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  if (number + 1 < kPrograms) {
    char half[sizeof(kResponse) / 2], next[12];
    CHECK(recv(connection, half, sizeof(half), MSG_WAITALL) == sizeof(half));
    snprintf(next, sizeof(next), "%d", number + 1);
    // Closed by exec itself: no hook sees it.
    CHECK(fcntl(connection, F_SETFD, FD_CLOEXEC) == 0);
    execl(argv[0], argv[0], next, (char*)NULL);
    CHECK(!"exec");
  }
  ReceiveResponse(connection);
  close(connection);
  printf("connections %d requests %d sent %zu received %zu\n", kPrograms,
         kPrograms, kPrograms * (sizeof(kRequest) - 1),
         (kPrograms - 1) * (sizeof(kResponse) / 2) + sizeof(kResponse) - 1);
  return 0;
}
