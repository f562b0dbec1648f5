// What is sent without being copied counts when it is sent; the notice that
// comes back by the error queue is no byte.
#define _GNU_SOURCE
#include <poll.h>
#include <time.h>

#include "server.h"
// Needs struct timespec from above.
#include <linux/errqueue.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

// Waits for the notice of one send.
static void AwaitNotice(int connection) {
  struct pollfd queue = {.fd = connection};  // POLLERR comes unasked
  CHECK(poll(&queue, 1, 1000 * kServerSeconds) == 1);
  char control[256];
  struct msghdr message = {.msg_control = control,
                           .msg_controllen = sizeof(control)};
  CHECK(recvmsg(connection, &message, MSG_ERRQUEUE) == 0);
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  CHECK(header != NULL);
  struct sock_extended_err notice;
  memcpy(&notice, CMSG_DATA(header), sizeof(notice));
  CHECK(notice.ee_origin == SO_EE_ORIGIN_ZEROCOPY && notice.ee_errno == 0);
}

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  const int on = 1;
  CHECK(setsockopt(connection, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0);
  struct iovec vector = {(void*)kRequest, sizeof(kRequest) - 1};
  const struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  for (int i = 0; i < 3; ++i) {
    CHECK(send(connection, kRequest, sizeof(kRequest) - 1, MSG_ZEROCOPY) ==
          sizeof(kRequest) - 1);
    ReceiveResponse(connection);
    AwaitNotice(connection);
    CHECK(sendmsg(connection, &message, MSG_ZEROCOPY) == sizeof(kRequest) - 1);
    ReceiveResponse(connection);
    AwaitNotice(connection);
  }
  close(connection);
  Expect(6, 6);
  return 0;
}
