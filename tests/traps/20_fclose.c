// A stream over a connection is closed with a request still in its buffer, and
// the number becomes a file's.
#include <fcntl.h>

#include "server.h"

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  Exchange(connection);
  FILE* stream = fdopen(connection, "w");
  CHECK(stream != NULL);
  CHECK(fputs(kRequest, stream) >= 0);
  CHECK(fclose(stream) == 0);
  const int file = open("/dev/null", O_WRONLY);
  CHECK(file == connection);
  CHECK(write(file, kRequest, sizeof(kRequest) - 1) == sizeof(kRequest) - 1);
  CHECK(close(file) == 0);
  // The second answer had no time to arrive, or had: not asked for.
  printf("requests 1 sent %zu\n", 2 * (sizeof(kRequest) - 1));
  return 0;
}
