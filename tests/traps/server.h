// A peer for many connections, in a child that makes raw system calls only, so
// that none of its bytes is anybody's traffic.
#ifndef PROXYMETER_TESTS_TRAPS_SERVER_H_
#define PROXYMETER_TESTS_TRAPS_SERVER_H_

#include <linux/prctl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "peer.h"

enum { kServerSeconds = 100 };

static inline void Watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event);
}

// Answers what arrives, a response for each sizeof(kRequest) - 1 bytes, and
// leaves when so many connections have ended. Nobody waits for it for ever.
static inline void ServeAll(int listener, int connections) {
  // Whoever reads the program's output shall not wait for us.
  for (int fd = 0; fd < 3; ++fd) syscall(SYS_close, fd);
  syscall(SYS_setitimer, 0,
          &(struct itimerval){.it_value = {.tv_sec = kServerSeconds}}, NULL);
  struct rlimit limit;
  syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
  uint32_t* pending = (uint32_t*)calloc(limit.rlim_cur, sizeof(uint32_t));
  const int epoll = (int)syscall(SYS_epoll_create1, 0);
  Watch(epoll, listener);
  while (connections > 0) {
    struct epoll_event event;
    if (syscall(SYS_epoll_pwait, epoll, &event, 1, -1, NULL, 0) != 1) continue;
    int fd = event.data.fd;
    if (fd == listener) {
      fd = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
      if (fd < 0) _exit(1);
      pending[fd] = 0;
      Watch(epoll, fd);
      continue;
    }
    char buffer[4096];
    const long size = syscall(SYS_read, fd, buffer, sizeof(buffer));
    if (size <= 0) {
      syscall(SYS_close, fd);
      --connections;
      continue;
    }
    pending[fd] += (uint32_t)size;
    for (; pending[fd] >= sizeof(kRequest) - 1;
         pending[fd] -= sizeof(kRequest) - 1) {
      syscall(SYS_write, fd, kResponse, sizeof(kResponse) - 1);
    }
  }
  _exit(0);
}

static inline int Listen(struct sockaddr_in* address) {
  *address = (struct sockaddr_in){.sin_family = AF_INET};
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(*address);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)address, length) == 0);
  CHECK(listen(listener, 4096) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)address, &length) == 0);
  return listener;
}

// Where a server for so many connections listens.
static inline struct sockaddr_in StartServer(int connections) {
  struct sockaddr_in address;
  const int listener = Listen(&address);
  const int fast_open = 16;
  setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &fast_open,
             sizeof(fast_open));
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) ServeAll(listener, connections);
  close(listener);
  return address;
}

static inline int ConnectTo(const struct sockaddr_in* server) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connection >= 0);
  CHECK(connect(connection, (const struct sockaddr*)server, sizeof(*server)) ==
        0);
  return connection;
}

static inline void Exchange(int connection) {
  SendRequest(connection);
  ReceiveResponse(connection);
}

#define REQUIRE(condition, what)                                          \
  do {                                                                    \
    if (!(condition)) {                                                   \
      fprintf(stderr, "%s: not tested, this needs %s\n", __FILE__, what); \
      exit(1);                                                            \
    }                                                                     \
  } while (0)

#endif  // PROXYMETER_TESTS_TRAPS_SERVER_H_
