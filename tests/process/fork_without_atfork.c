// Children by fork, _Fork and clone, of threads too, and their children: all
// use what they inherited, and open their own.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "server.h"

enum { kWays = 4 };

static struct sockaddr_in server;
static int shared;

static void Work(void) {
  Exchange(shared);
  const int own = ConnectTo(&server);
  Exchange(own);
  close(own);
}

static int CloneBody(void* unused) {
  (void)unused;
  Work();
  return 0;
}

static pid_t Begin(int way) {
  static char stack[1 << 16] __attribute__((aligned(64)));
  if (way == 0) return fork();
  if (way == 1) return _Fork();
  if (way == 2) return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  return clone(CloneBody, stack + sizeof(stack), SIGCHLD, NULL);
}

static void End(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void Child(int way) {
  const pid_t child = Begin(way);
  CHECK(child >= 0);
  if (child == 0) {
    Work();
    const pid_t grandchild = Begin((way + 1) % 3);
    if (grandchild == 0) {
      Work();
      syscall(SYS_exit_group, 0);
    }
    int status;
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0) {
      syscall(SYS_exit_group, 1);
    }
    syscall(SYS_exit_group, 0);
  }
  End(child);
}

static void* InThread(void* way) {
  Child(*(int*)way);
  return NULL;
}

int main(void) {
  // Three ways with grandchildren, one without; from main and from a thread.
  enum { kWork = 2 * (3 * 2 + 1) };
  server = StartServer(1 + kWork);
  shared = ConnectTo(&server);
  for (int way = 0; way < kWays; ++way) {
    Child(way);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, InThread, &way) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  Exchange(shared);
  close(shared);
  printf("connections %d ", 1 + kWork);
  Expect(1 + 2 * kWork, 1 + 2 * kWork);
  return 0;
}
