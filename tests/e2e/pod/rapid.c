// Many short connections, from one thread to another of the same program.
//
// Arguments: address and port to listen at, connections a second, seconds.
// Prints how many connections there were, and the bytes that the connecting
// side sent and received.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kRequest = 64, kAnswer = 256 };

static int listener;

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static void* Serve(void* unused) {
  (void)unused;
  static char buffer[kAnswer];
  for (;;) {
    const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) return NULL;
    if (recv(connection, buffer, kRequest, MSG_WAITALL) == kRequest) {
      send(connection, buffer, kAnswer, MSG_NOSIGNAL);
    }
    close(connection);
  }
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &address.sin_addr);
  const double rate = atof(argv[3]);
  const double seconds = atof(argv[4]);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, 1024) != 0) {
    Fail("listen");
  }
  pthread_t server;
  pthread_create(&server, NULL, Serve, NULL);
  // Whoever wants to know who listens may look now.
  puts("ready");
  fflush(stdout);
  char line[8];
  if (read(0, line, sizeof line) < 0) Fail("read");

  static char buffer[kAnswer];
  long connections = 0;
  long received = 0;
  const double begin = Now();
  for (double now = begin; now - begin < seconds; now = Now()) {
    if ((double)connections > (now - begin) * rate) {
      const struct timespec pause = {.tv_nsec = 200000};
      nanosleep(&pause, NULL);
      continue;
    }
    const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr*)&address, sizeof address) != 0) {
      Fail("connect");
    }
    if (send(connection, buffer, kRequest, 0) != kRequest) Fail("send");
    // To the end: the other side closes first.
    for (ssize_t got; (got = recv(connection, buffer, kAnswer, 0)) > 0;) {
      received += got;
    }
    close(connection);
    ++connections;
  }
  printf("%ld %ld %ld\n", connections, connections * kRequest, received);
  return 0;
}
