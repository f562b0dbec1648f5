// Built with musl's gcc: a program without glibc starts with the preload in its
// environment as it does without, and is counted.
#ifdef __GLIBC__
#error "this is to be built with musl-gcc"
#endif
#include "peer.h"

int main(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
