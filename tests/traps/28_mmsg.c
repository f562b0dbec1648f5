// sendmmsg and recvmmsg return messages; bytes are what is paid for.
#define _GNU_SOURCE
#include "server.h"

enum { kMessages = 7, kSize = sizeof(kRequest) - 1 };

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  char request[sizeof(kRequest)];
  memcpy(request, kRequest, sizeof(kRequest));
  struct iovec out = {request, kSize};
  struct mmsghdr messages[kMessages];
  for (int i = 0; i < kMessages; ++i) {
    messages[i] =
        (struct mmsghdr){.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}};
  }
  CHECK(sendmmsg(connection, messages, kMessages, 0) == kMessages);
  CHECK(sendmmsg(connection, messages, 0, 0) == 0);
  const size_t whole = kMessages * (sizeof(kResponse) - 1);
  size_t received = 0;
  while (received < whole) {
    static char pieces[3][11];
    struct iovec in[3];
    struct mmsghdr some[3];
    for (int i = 0; i < 3; ++i) {
      in[i] = (struct iovec){pieces[i], sizeof(pieces[i])};
      some[i] =
          (struct mmsghdr){.msg_hdr = {.msg_iov = &in[i], .msg_iovlen = 1}};
    }
    const int count = recvmmsg(connection, some, 3, MSG_WAITFORONE, NULL);
    CHECK(count > 0);
    for (int i = 0; i < count; ++i) received += some[i].msg_len;
  }
  CHECK(received == whole);
  close(connection);
  Expect(kMessages, kMessages);
  return 0;
}
