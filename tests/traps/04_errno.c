// errno is zero when main begins, and after calls that succeed it is what it
// was.
#include <errno.h>

#include "peer.h"

int main(void) {
  CHECK(errno == 0);
  const int connection = ConnectToPeer(1);
  errno = 0;
  SendRequest(connection);
  CHECK(errno == 0);
  errno = EXDEV;
  ReceiveResponse(connection);
  close(connection);
  CHECK(errno == EXDEV);
  Expect(1, 1);
  return 0;
}
