// Nearly twenty thousand connections at once, and a copy
// of one under the highest number there is.
#define _GNU_SOURCE
#include "server.h"

enum { kConnections = 19500 };

// From several addresses: the ports of one nearly run out, and the kernel then
// searches long.
static int ConnectFrom(int number, const struct sockaddr_in* server) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (unsigned)number % 8);
  CHECK(setsockopt(connection, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1},
                   sizeof(int)) == 0);
  CHECK(bind(connection, (struct sockaddr*)&source, sizeof(source)) == 0);
  CHECK(connect(connection, (const struct sockaddr*)server, sizeof(*server)) ==
        0);
  return connection;
}

int main(void) {
  struct rlimit files = {32768, 32768};
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    REQUIRE(files.rlim_cur >= kConnections + 100, "RLIMIT_NOFILE of 19,600");
  }
  const struct sockaddr_in server = StartServer(kConnections);
  static int connections[kConnections];
  for (int i = 0; i < kConnections; ++i) {
    connections[i] = ConnectFrom(i, &server);
    SendRequest(connections[i]);
  }
  for (int i = 0; i < kConnections; ++i) ReceiveResponse(connections[i]);
  const int highest = (int)files.rlim_cur - 1;
  CHECK(dup2(connections[0], highest) == highest);
  CHECK(close(connections[0]) == 0);
  connections[0] = highest;
  Exchange(highest);
  for (int i = 0; i < kConnections; ++i) CHECK(close(connections[i]) == 0);
  printf("connections %d ", kConnections);
  Expect(kConnections + 1, kConnections + 1);
  return 0;
}
