// The first bytes travel with the SYN: by a send that connects, and by a
// connect that only says it did.
#define _GNU_SOURCE
#include <errno.h>

#include "namespaces.h"

enum { kConnections = 6 };

int main(void) {
  EnterOwnNetwork();
  WriteTo("/proc/sys/net/ipv4/tcp_fastopen", "3");
  const struct sockaddr_in server = StartServer(kConnections);
  const struct sockaddr* to = (const struct sockaddr*)&server;
  const ssize_t whole = sizeof(kRequest) - 1;
  struct tcp_info info;
  socklen_t length = sizeof(info);
  int with_syn = 0;
  for (int i = 0; i < kConnections; ++i) {
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (i % 3 == 0) {
      CHECK(sendto(connection, kRequest, (size_t)whole, MSG_FASTOPEN, to,
                   sizeof(server)) == whole);
    } else if (i % 3 == 1) {
      struct iovec vector = {(void*)kRequest, (size_t)whole};
      const struct msghdr message = {.msg_name = (void*)to,
                                     .msg_namelen = sizeof(server),
                                     .msg_iov = &vector,
                                     .msg_iovlen = 1};
      CHECK(sendmsg(connection, &message, MSG_FASTOPEN) == whole);
    } else {
      CHECK(setsockopt(connection, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1},
                       sizeof(int)) == 0);
      CHECK(connect(connection, to, sizeof(server)) == 0);
      CHECK(write(connection, kRequest, (size_t)whole) == whole);
    }
    ReceiveResponse(connection);
    Exchange(connection);
    CHECK(getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
    if (info.tcpi_options & TCPI_OPT_SYN_DATA) ++with_syn;
    close(connection);
  }
  // The first asked for the cookie.
  CHECK(with_syn == kConnections - 1);
  // Nobody listens there: the one refusal. (Its cookie is of another port,
  // hence the same host's: data goes with the SYN and comes back.)
  struct sockaddr_in nobody = server;
  nobody.sin_port = htons(1);
  const int refused = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(sendto(refused, kRequest, (size_t)whole, MSG_FASTOPEN,
               (struct sockaddr*)&nobody, sizeof(nobody)) == -1);
  printf("refused by errno %d\n", errno);
  close(refused);
  printf("connections %d ", kConnections);
  Expect(2 * kConnections, 2 * kConnections);
  return 0;
}
