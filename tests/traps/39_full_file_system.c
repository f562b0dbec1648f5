// More destinations than the file system of the journals has room for: fewer
// are told apart, and not a byte is missing.
#include "server.h"

enum { kDestinations = 300 };

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  for (int i = 0; i < kDestinations; ++i) {
    // As long as kRequest, which is what the server waits for.
    char request[sizeof(kRequest)];
    CHECK(
        snprintf(request, sizeof(request),
                 "GET http://d%03d.test/ HTTP/1.1\r\nHost: d%03d.test\r\n\r\n",
                 i, i) == sizeof(kRequest) - 1);
    CHECK(send(connection, request, sizeof(request) - 1, 0) ==
          sizeof(request) - 1);
    ReceiveResponse(connection);
  }
  close(connection);
  Expect(kDestinations, kDestinations);
  return 0;
}
