// As in a container whose root is read-only: the meter's directory, on a
// tmpfs, is all there is to write to.
#define _GNU_SOURCE
#include <errno.h>

#include "namespaces.h"

int main(int argc, char** argv) {
  if (argc == 1) {
    EnterOwnMounts();
    CHECK(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    execl(argv[0], argv[0], "inside", (char*)NULL);
    CHECK(!"exec");
  }
  CHECK(open("/proxymeter-test", O_WRONLY | O_CREAT, 0600) == -1 &&
        errno == EROFS);
  const int connection = ConnectToPeer(2);
  Exchange(connection);
  Exchange(connection);
  close(connection);
  Expect(2, 2);
  return 0;
}
