// MSG_TRUNC throws bytes of a stream away, and leaves the buffer as it was,
// which may not even exist.
#define _GNU_SOURCE
#include <sys/mman.h>

#include "server.h"

int main(void) {
  const struct sockaddr_in server = StartServer(2);
  const ssize_t whole = sizeof(kResponse) - 1;
  char* nowhere =
      (char*)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK((void*)nowhere != MAP_FAILED);
  int connection = ConnectTo(&server);
  SendRequest(connection);
  CHECK(recv(connection, NULL, (size_t)whole, MSG_TRUNC | MSG_WAITALL) ==
        whole);
  SendRequest(connection);
  CHECK(recv(connection, nowhere, (size_t)whole, MSG_TRUNC | MSG_WAITALL) ==
        whole);
  close(connection);

  connection = ConnectTo(&server);
  SendRequest(connection);
  struct iovec vector[2] = {{NULL, 8}, {nowhere, (size_t)whole - 8}};
  struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
  CHECK(recvmsg(connection, &message, MSG_TRUNC | MSG_WAITALL) == whole);
  SendRequest(connection);
  char response[sizeof(kResponse)];
  memset(response, 'x', sizeof(response));
  CHECK(recv(connection, response, (size_t)whole, MSG_TRUNC) == whole);
  CHECK(response[0] == 'x');
  close(connection);
  printf("sent %zu received %zu\n", 4 * (sizeof(kRequest) - 1),
         4 * (sizeof(kResponse) - 1));
  return 0;
}
