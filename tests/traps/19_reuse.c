// Threads open, use and close connections and files, and the kernel gives all
// of them the same few numbers.
#include <fcntl.h>
#include <pthread.h>

#include "server.h"

enum { kThreads = 6, kRounds = 150 };

static struct sockaddr_in server;

static void* Crawl(void* unused) {
  (void)unused;
  for (int i = 0; i < kRounds; ++i) {
    const int connection = ConnectTo(&server);
    Exchange(connection);
    // Some are closed in silence, some in the middle of a request.
    if (i % 3 == 1) CHECK(send(connection, kRequest, 10, 0) == 10);
    if (i % 2 == 0) {
      FILE* file = fdopen(connection, "r");
      CHECK(file != NULL && fclose(file) == 0);
    } else {
      CHECK(close(connection) == 0);
    }
  }
  return NULL;
}

static void* Write(void* unused) {
  (void)unused;
  static const char kZeros[5000];
  for (int i = 0; i < 20 * kRounds; ++i) {
    const int fd = open("/dev/null", O_WRONLY);
    CHECK(fd >= 0);
    CHECK(write(fd, kZeros, sizeof(kZeros)) == sizeof(kZeros));
    CHECK(close(fd) == 0);
  }
  return NULL;
}

int main(void) {
  server = StartServer(kThreads * kRounds);
  pthread_t threads[kThreads + 2];
  for (int i = 0; i < kThreads + 2; ++i) {
    CHECK(pthread_create(&threads[i], NULL, i < kThreads ? Crawl : Write,
                         NULL) == 0);
  }
  for (int i = 0; i < kThreads + 2; ++i) pthread_join(threads[i], NULL);
  const size_t rounds = kThreads * kRounds;
  printf("connections %zu requests %zu sent %zu received %zu\n", rounds, rounds,
         rounds * (sizeof(kRequest) - 1) + rounds / 3 * 10,
         rounds * (sizeof(kResponse) - 1));
  return 0;
}
