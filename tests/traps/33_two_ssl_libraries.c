// Two libraries in one process bring an SSL_write each: a call from inside one
// must never end in the other.
#include <dlfcn.h>

#include "peer.h"

int main(int argc, char** argv) {
  CHECK(argc == 3);
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i <= 2; ++i) {
      void* library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
      CHECK(library != NULL);
      const char* name = i == 1 ? "CallFirst" : "CallSecond";
      int (*call)(void*) = (int (*)(void*))dlsym(library, name);
      CHECK(call != NULL);
      const char* called = NULL;
      CHECK(call(&called) == 5);
      CHECK(called != NULL);
      CHECK(strcmp(called, i == 1 ? "first" : "second") == 0);
    }
  }
  return 0;
}
