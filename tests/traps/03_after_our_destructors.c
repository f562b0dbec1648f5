// Intercepted calls from the very last code of a process.
#include "peer.h"

static int connection;

__attribute__((destructor(101))) static void Late(void) {
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
}

int main(void) {
  connection = ConnectToPeer(2);
  SendRequest(connection);
  ReceiveResponse(connection);
  Expect(2, 2);
  return 0;
}
