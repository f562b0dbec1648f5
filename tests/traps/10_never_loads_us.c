// A program into which nothing is preloaded does its work all the same.
#include "peer.h"

int main(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  puts("done");
  return 0;
}
