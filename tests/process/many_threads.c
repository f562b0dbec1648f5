// Two thousand threads with small stacks, each with a request of its own.
#include <limits.h>
#include <pthread.h>

#include "server.h"

enum { kThreads = 2000 };

static struct sockaddr_in server;
static pthread_barrier_t all;

static void* Crawl(void* unused) {
  (void)unused;
  const int connection = ConnectTo(&server);
  // At once: as many connections as threads are open.
  pthread_barrier_wait(&all);
  Exchange(connection);
  close(connection);
  return NULL;
}

int main(void) {
  struct rlimit files;
  CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
  REQUIRE(files.rlim_max >= kThreads + 100, "RLIMIT_NOFILE of 2,100");
  server = StartServer(kThreads);
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  // What a hook may need beside what the program itself does.
  CHECK(pthread_attr_setstacksize(&attributes, 2 * PTHREAD_STACK_MIN) == 0);
  CHECK(pthread_barrier_init(&all, NULL, kThreads) == 0);
  static pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_create(&threads[i], &attributes, Crawl, NULL) == 0);
  }
  for (int i = 0; i < kThreads; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  printf("connections %d ", kThreads);
  Expect(kThreads, kThreads);
  return 0;
}
