// A crawler to be linked statically, against musl: nothing can be preloaded.
//
// Arguments: address and port of the proxy, "hold" or "end", then URLs to fetch,
// each over a connection of its own. Prints how many bytes came back. With
// "hold" the last connection stays open until standard input ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int Connect(const char* address, const char* port) {
  struct sockaddr_in proxy = {.sin_family = AF_INET,
                              .sin_port = htons((unsigned short)atoi(port))};
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (inet_pton(AF_INET, address, &proxy.sin_addr) != 1 || connection < 0 ||
      connect(connection, (struct sockaddr*)&proxy, sizeof proxy) != 0) {
    perror("connect");
    exit(1);
  }
  return connection;
}

int main(int argc, char** argv) {
  const int hold = strcmp(argv[3], "hold") == 0;
  static char buffer[65536];
  long bytes = 0;
  for (int i = 4; i < argc; ++i) {
    const int connection = Connect(argv[1], argv[2]);
    const int size = snprintf(buffer, sizeof buffer,
                              "GET %s HTTP/1.0\r\nAccept: */*\r\n\r\n", argv[i]);
    if (write(connection, buffer, (size_t)size) != size) return 1;
    long got;
    // To the end, or to a first piece of what never ends.
    while ((got = read(connection, buffer, sizeof buffer)) > 0) {
      bytes += got;
      if (hold && i == argc - 1) break;
    }
    if (hold && i == argc - 1) {
      printf("%ld\n", bytes);
      fflush(stdout);
      while (read(0, buffer, sizeof buffer) > 0) {
      }
    }
    close(connection);
  }
  if (!hold) printf("%ld\n", bytes);
  return 0;
}
