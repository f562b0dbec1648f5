// A module that is loaded with RTLD_DEEPBIND sees libc before any preloaded
// library. It is metered, and every other name stays bound as it would be.
#include <dlfcn.h>

#include "peer.h"

// The module has one of its own.
__attribute__((visibility("default"))) int WhoseIsIt(void) { return 1; }

int main(int argc, char** argv) {
  CHECK(argc == 3);
  for (int i = 1; i < argc; ++i) {
    for (int mode = 0; mode < 2; ++mode) {
      void* module =
          dlopen(argv[i], (mode == 0 ? RTLD_LAZY : RTLD_NOW) | RTLD_DEEPBIND);
      CHECK(module != NULL);
      CHECK(dlerror() == NULL);
      int (*crawl)(void) = (int (*)(void))dlsym(module, "Crawl");
      CHECK(crawl != NULL && crawl() == 2);
      CHECK(dlclose(module) == 0);
    }
  }
  CHECK(WhoseIsIt() == 1);
  Expect(4, 4);
  return 0;
}
