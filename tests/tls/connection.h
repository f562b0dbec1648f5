// Connections from a metered client to a server in a forked child, and what the
// kernel counted on them: the witness, since nobody can tell the size of TLS in
// advance.
#ifndef PROXYMETER_TESTS_TLS_CONNECTION_H_
#define PROXYMETER_TESTS_TLS_CONNECTION_H_

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../traps/check.h"

static const char kRequest[] = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
static const char kResponse[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
enum {
  kRequestSize = sizeof(kRequest) - 1,
  kResponseSize = sizeof(kResponse) - 1,
};

typedef void (*Server)(int listener);

static struct sockaddr_in server_address;
static pid_t server_process;
static uint64_t total_sent;
static uint64_t total_received;
static uint64_t total_reconciled;  // of them, what no hook sees
static int total_requests;
static int total_inferred;  // requests beyond them, of sessions not read
static int total_unpaired;  // sessions whose plaintext nobody sees

// Runs `serve` in a child; connections to it work from here on.
static inline void StartServer(Server serve) {
  socklen_t length = sizeof(server_address);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  server_address.sin_family = AF_INET;
  server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (struct sockaddr*)&server_address, length) == 0);
  CHECK(listen(listener, 4) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)&server_address, &length) == 0);
  const pid_t parent = getpid();
  server_process = fork();
  CHECK(server_process >= 0);
  if (server_process == 0) {
    alarm(60);  // whatever becomes of the client
    serve(listener);
    _exit(getppid() == parent ? 0 : 1);
  }
  close(listener);
  alarm(60);
}

// Small records follow each other: none waits for an acknowledgement.
static inline void SendAtOnce(int fd) {
  const int on = 1;
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
}

static inline int ConnectToServer(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  SendAtOnce(fd);
  CHECK(connect(fd, (struct sockaddr*)&server_address,
                sizeof(server_address)) == 0);
  return fd;
}

// Closes `fd` and adds what the kernel counted. The server must have nothing
// left to say.
static inline void CloseAndCount(int fd) {
  struct tcp_info info;
  socklen_t length = sizeof(info);
  CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
  CHECK(info.tcpi_state == 1);  // established: no FIN among the bytes
  total_sent +=
      info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
  total_received += info.tcpi_bytes_received;
  CHECK(close(fd) == 0);
}

// Ends the server and tells what the meter has to find.
static inline void Finish(void) {
  int status = 0;
  CHECK(waitpid(server_process, &status, 0) == server_process);
  CHECK(status == 0);
  printf(
      "requests %d plaintext %d responses %d sent %llu received %llu "
      "reconciled %llu unpaired %d desynchronised 0\n",
      total_requests + total_inferred, total_requests, total_requests,
      (unsigned long long)total_sent, (unsigned long long)total_received,
      (unsigned long long)total_reconciled, total_unpaired);
}

#endif  // PROXYMETER_TESTS_TLS_CONNECTION_H_
