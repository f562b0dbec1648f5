// What 35_bound_deeply loads.
#include "peer.h"

int WhoseIsIt(void) { return 2; }

// One request to a peer; whose WhoseIsIt this module is bound to.
int Crawl(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  CHECK(close(connection) == 0);
  return WhoseIsIt();
}
