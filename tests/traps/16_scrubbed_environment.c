// A program cleans its environment and becomes another: what was counted before
// stays, and the other runs, uncounted.
#include "peer.h"

static void Request(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
}

int main(int argc, char** argv) {
  Request();
  if (argc == 1) {
    char* const arguments[] = {argv[0], "scrubbed", NULL};
    char* const nothing[] = {NULL};
    execve(argv[0], arguments, nothing);
    return 1;
  }
  CHECK(getenv("LD_PRELOAD") == NULL);
  Expect(1, 1);
  return 0;
}
