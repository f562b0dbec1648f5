// A program with an allocator of its own that asks dlsym for the real one, as
// jemalloc and libfaketime do: whoever allocates while dlsym runs comes back
// into it.
#define _GNU_SOURCE
#include <dlfcn.h>

#include "peer.h"

static void* (*real_malloc)(size_t);
static int resolving;
static char early[65536];
static size_t early_used;

void* malloc(size_t size) {
  if (real_malloc == NULL) {
    if (resolving) {
      void* memory = early + early_used;
      early_used += (size + 15) / 16 * 16;
      CHECK(early_used <= sizeof(early));
      return memory;
    }
    resolving = 1;
    real_malloc = (void* (*)(size_t))dlsym(RTLD_NEXT, "malloc");
    resolving = 0;
  }
  return real_malloc(size);
}

int main(void) {
  const int connection = ConnectToPeer(1);
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
