// Built with AddressSanitizer as a library, which ends programs that load any
// other library before it.
#include "peer.h"

#ifndef __SANITIZE_ADDRESS__
#error "this is to be built with -fsanitize=address"
#endif

int main(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
