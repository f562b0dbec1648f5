// A thread is cancelled while it waits in an intercepted recv; its connection
// goes on being metered.
#include <pthread.h>

#include "peer.h"

static void* Wait(void* argument) {
  char buffer[16];
  recv(*(int*)argument, buffer, sizeof(buffer), 0);
  return NULL;
}

int main(void) {
  int connection = ConnectToPeer(1);
  for (int i = 0; i < 20; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, Wait, &connection) == 0);
    CHECK(pthread_cancel(thread) == 0);
    void* result;
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
  }
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
