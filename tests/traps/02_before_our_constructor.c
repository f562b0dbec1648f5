// A constructor that runs before every other and makes intercepted calls.
#include <fcntl.h>

#include "peer.h"

static ssize_t read_early = -2;
static int socket_early = -2;

static void Early(void) {
  char buffer[16];
  const int zero = open("/dev/zero", O_RDONLY);
  read_early = read(zero, buffer, sizeof(buffer));
  close(zero);
  socket_early = socket(AF_INET, SOCK_STREAM, 0);
  close(socket_early);
}
// Before the constructors of all libraries, the preloaded ones included.
__attribute__((section(".preinit_array"),
               used)) static void (*early)(void) = Early;

int main(void) {
  CHECK(read_early == 16);
  CHECK(socket_early >= 0);
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
