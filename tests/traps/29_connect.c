// The ways a connect can end.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>

#include "server.h"

static void OnAlarm(int signal) { (void)signal; }

static void WaitUntilConnected(int connection) {
  struct pollfd poll_for = {.fd = connection, .events = POLLOUT};
  CHECK(poll(&poll_for, 1, 60000) == 1);
  int error = -1;
  socklen_t length = sizeof(error);
  CHECK(getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
  CHECK(error == 0);
}

// A connect that has to wait, as the listener's queue is full, and is
// interrupted; it goes on by itself.
static void Interrupted(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)&address, length) == 0);
  CHECK(listen(listener, 0) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  const int filler = ConnectTo(&address);
  const struct sigaction action = {.sa_handler = OnAlarm};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  const struct itimerval often = {.it_interval = {.tv_usec = 50000},
                                  .it_value = {.tv_usec = 50000}};
  const struct itimerval never = {{0, 0}, {0, 0}};
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  setitimer(ITIMER_REAL, &often, NULL);
  CHECK(connect(connection, (struct sockaddr*)&address, length) == -1);
  CHECK(errno == EINTR);
  setitimer(ITIMER_REAL, &never, NULL);
  CHECK(syscall(SYS_accept4, listener, NULL, NULL, 0) >= 0);
  WaitUntilConnected(connection);
  const int peer = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
  CHECK(peer >= 0);
  SendRequest(connection);
  char request[sizeof(kRequest)];
  CHECK(syscall(SYS_recvfrom, peer, request, sizeof(kRequest) - 1, MSG_WAITALL,
                NULL, NULL) == sizeof(kRequest) - 1);
  CHECK(syscall(SYS_write, peer, kResponse, sizeof(kResponse) - 1) > 0);
  ReceiveResponse(connection);
  CHECK(close(filler) == 0 && close(connection) == 0);
}

// Nobody's traffic: a connection within the machine that is none to a vendor.
static void Unix(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  // An address of the kernel's choice.
  CHECK(bind(listener, (struct sockaddr*)&address, sizeof(sa_family_t)) == 0);
  CHECK(listen(listener, 1) == 0);
  socklen_t length = sizeof(address);
  CHECK(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(connection, (struct sockaddr*)&address, length) == 0);
  SendRequest(connection);
  close(connection);
  close(listener);
}

int main(void) {
  const struct sockaddr_in server = StartServer(4);
  const struct sockaddr* to = (const struct sockaddr*)&server;
  int connection = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(connect(connection, to, sizeof(server)) == -1 && errno == EINPROGRESS);
  WaitUntilConnected(connection);
  CHECK(connect(connection, to, sizeof(server)) == 0 || errno == EISCONN);
  SendRequest(connection);
  struct pollfd readable = {.fd = connection, .events = POLLIN};
  CHECK(poll(&readable, 1, 60000) == 1);
  ReceiveResponse(connection);

  // Dissolved, and used once more.
  const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  CHECK(connect(connection, &nowhere, sizeof(nowhere)) == 0);
  CHECK(connect(connection, to, sizeof(server)) == -1 && errno == EINPROGRESS);
  WaitUntilConnected(connection);
  SendRequest(connection);
  CHECK(poll(&readable, 1, 60000) == 1);
  ReceiveResponse(connection);
  close(connection);

  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6,
                                .sin6_port = server.sin_port};
  CHECK(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr) == 1);
  connection = socket(AF_INET6, SOCK_STREAM, 0);
  CHECK(connect(connection, (struct sockaddr*)&mapped, sizeof(mapped)) == 0);
  Exchange(connection);
  close(connection);

  // An address that ends too early, then the whole one.
  connection = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(connection, to, 4) == -1 && errno == EINVAL);
  CHECK(connect(connection, NULL, sizeof(server)) == -1 && errno == EFAULT);
  CHECK(connect(-1, to, sizeof(server)) == -1 && errno == EBADF);
  CHECK(connect(connection, to, sizeof(server)) == 0);
  Exchange(connection);
  CHECK(connect(connection, to, sizeof(server)) == -1 && errno == EISCONN);
  Exchange(connection);
  close(connection);

  Unix();
  Interrupted();
  printf("connections 6 ");
  Expect(6, 6);
  return 0;
}
