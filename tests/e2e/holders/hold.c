// Opens a tunnel by a proxy and holds it until standard input ends. Usage: hold
// TARGET ADDRESS:PORT. Says "PID SENT RECEIVED" when it is open.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  char* port = strchr(argv[2], ':');
  if (port == NULL) return 2;
  *port++ = '\0';
  struct sockaddr_in proxy = {.sin_family = AF_INET,
                              .sin_port = htons((unsigned short)atoi(port))};
  if (inet_pton(AF_INET, argv[2], &proxy.sin_addr) != 1) return 2;
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr*)&proxy, sizeof proxy) != 0) {
    perror("connect");
    return 1;
  }
  char request[256];
  const int length =
      snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\n\r\n", argv[1]);
  if (write(connection, request, (size_t)length) != length) return 1;
  int received = 0;
  for (int ending = 0; ending < 4; ++received) {
    char byte;
    if (read(connection, &byte, 1) != 1) return 1;
    ending = byte == "\r\n\r\n"[ending] ? ending + 1 : byte == '\r';
  }
  printf("%d %d %d\n", (int)getpid(), length, received);
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}
