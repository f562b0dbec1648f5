// syscall() goes by unseen; the kernel's count has its bytes.
#include "server.h"

int main(void) {
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  Exchange(connection);
  CHECK(syscall(SYS_write, connection, kRequest, sizeof(kRequest) - 1) ==
        sizeof(kRequest) - 1);
  ReceiveResponse(connection);
  close(connection);
  printf("requests 1 sent %zu received %zu\n", 2 * (sizeof(kRequest) - 1),
         2 * (sizeof(kResponse) - 1));
  return 0;
}
