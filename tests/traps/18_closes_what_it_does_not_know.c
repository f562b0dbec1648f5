// A program that closes all descriptors but its own, as daemons do, and finds
// none of ours among them, nor its own missing.
#define _GNU_SOURCE
#include <fcntl.h>

#include "peer.h"

int main(void) {
  const int connection = ConnectToPeer(2);
  SendRequest(connection);
  ReceiveResponse(connection);
  for (int fd = 3; fd < 1024; ++fd) {
    if (fd != connection) CHECK(close(fd) != 0);
  }
  SendRequest(connection);
  ReceiveResponse(connection);
  closefrom(3);
  CHECK(fcntl(connection, F_GETFD) == -1);
  Expect(2, 2);
  return 0;
}
