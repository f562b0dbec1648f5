// Every way to copy a descriptor, in several threads, the original closed
// first, last and in between.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "server.h"

enum { kThreads = 4, kRounds = 60, kWays = 6 };

static struct sockaddr_in server;

static int Copy(int way, int fd, int spare) {
  switch (way) {
    case 0:
      return dup(fd);
    case 1:
      return dup2(fd, spare);
    case 2:
      return dup3(fd, spare, O_CLOEXEC);
    case 3:
      return fcntl(fd, F_DUPFD, 100);
    case 4:
      return fcntl(fd, F_DUPFD_CLOEXEC, 100);
    default:
      return dup2(fd, fd);
  }
}

static void* Crawl(void* unused) {
  (void)unused;
  int connection = ConnectTo(&server);
  for (int i = 0; i < kRounds; ++i) {
    // A connection of its own under the number that dup2 and dup3 take away.
    const int spare = ConnectTo(&server);
    Exchange(spare);
    const int way = i % kWays;
    const int copy = Copy(way, connection, spare);
    CHECK(copy >= 0);
    if (copy != spare) CHECK(close(spare) == 0);
    SendRequest(copy);
    ReceiveResponse(connection);
    if (copy != connection) CHECK(close(i % 2 ? connection : copy) == 0);
    if (i % 2) connection = copy;
    CHECK(dup2(-1, connection) == -1 && errno == EBADF);
    CHECK(dup2(connection, connection) == connection);
    CHECK(dup3(connection, connection, 0) == -1 && errno == EINVAL);
    CHECK(fcntl(connection, F_DUPFD, -1) == -1 && errno == EINVAL);
    Exchange(connection);
  }
  CHECK(close(connection) == 0);
  return NULL;
}

int main(void) {
  server = StartServer(kThreads * (1 + kRounds));
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_create(&threads[i], NULL, Crawl, NULL) == 0);
  }
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  CHECK(dup2(999, 999) == -1 && errno == EBADF);
  printf("connections %d ", kThreads * (1 + kRounds));
  Expect(kThreads * kRounds * 3, kThreads * kRounds * 3);
  return 0;
}
