// A peer on loopback and a connection to it, for programs that try a trap. The
// peer runs in a child and answers without libc's hooked calls being metered:
// only the program's own side is.
#ifndef PROXYMETER_TESTS_TRAPS_PEER_H_
#define PROXYMETER_TESTS_TRAPS_PEER_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static const char kRequest[] =
    "GET http://trap.test/ HTTP/1.1\r\nHost: trap.test\r\n\r\n";
static const char kResponse[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers each of `requests` requests, then waits for the end.
static inline void Serve(int listener, int requests) {
  const int peer = accept(listener, NULL, NULL);
  char buffer[4096];
  for (int i = 0; i < requests; ++i) {
    size_t size = 0;
    while (size < sizeof(kRequest) - 1) {
      const ssize_t more =
          syscall(SYS_read, peer, buffer, sizeof(kRequest) - 1 - size);
      if (more <= 0) _exit(1);
      size += (size_t)more;
    }
    syscall(SYS_write, peer, kResponse, sizeof(kResponse) - 1);
  }
  while (syscall(SYS_read, peer, buffer, sizeof(buffer)) > 0) {
  }
  _exit(0);
}

// A connection to a peer that answers so many requests.
static inline int ConnectToPeer(int requests) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)&address, length) == 0);
  CHECK(listen(listener, 1) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) Serve(listener, requests);
  close(listener);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(connection, (struct sockaddr*)&address, length) == 0);
  return connection;
}

static inline void SendRequest(int connection) {
  CHECK(send(connection, kRequest, sizeof(kRequest) - 1, 0) ==
        sizeof(kRequest) - 1);
}

static inline void ReceiveResponse(int connection) {
  char buffer[sizeof(kResponse)];
  CHECK(recv(connection, buffer, sizeof(kResponse) - 1, MSG_WAITALL) ==
        sizeof(kResponse) - 1);
}

// What the driver compares with the metrics.
static inline void Expect(int requests, int responses) {
  printf("requests %d sent %zu received %zu\n", requests,
         requests * (sizeof(kRequest) - 1),
         responses * (sizeof(kResponse) - 1));
}

#endif  // PROXYMETER_TESTS_TRAPS_PEER_H_
