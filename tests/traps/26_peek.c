// Looking at bytes moves none.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>

#include "server.h"

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  char buffer[sizeof(kResponse)];
  struct iovec vector = {buffer, sizeof(buffer)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  struct mmsghdr messages = {.msg_hdr = message};
  const ssize_t whole = sizeof(kResponse) - 1;
  for (int i = 0; i < 5; ++i) {
    SendRequest(connection);
    CHECK(recv(connection, buffer, (size_t)whole, MSG_PEEK | MSG_WAITALL) ==
          whole);
    CHECK(recvfrom(connection, buffer, sizeof(buffer), MSG_PEEK, NULL, NULL) ==
          whole);
    CHECK(recvmsg(connection, &message, MSG_PEEK) == whole);
    CHECK(recvmmsg(connection, &messages, 1, MSG_PEEK, NULL) == 1);
    CHECK(recv(connection, NULL, (size_t)whole, MSG_PEEK | MSG_TRUNC) == whole);
    CHECK(recvmsg(connection, &message, MSG_ERRQUEUE) == -1 && errno == EAGAIN);
    int waiting = 0;
    CHECK(ioctl(connection, FIONREAD, &waiting) == 0 && waiting == whole);
    ReceiveResponse(connection);
  }
  close(connection);
  Expect(5, 5);
  return 0;
}
