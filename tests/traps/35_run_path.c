// dlopen looks for a bare name along the run path of who calls it: our hook
// must not be taken for the caller.
#include <dlfcn.h>

#include "peer.h"

int main(void) {
  for (int i = 0; i < 2; ++i) {
    void* module = dlopen("libtrap_on_run_path.so",
                          RTLD_NOW | (i == 0 ? 0 : RTLD_DEEPBIND));
    if (module == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(module != NULL);
    CHECK(dlsym(module, "Crawl") != NULL);
  }
  return 0;
}
