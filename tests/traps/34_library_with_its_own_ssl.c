// A program linked against a library that exports an SSL_write of its own,
// beside the system's OpenSSL loaded globally.
#include <dlfcn.h>

#include "peer.h"

int CallFirst(void* ssl);

int main(void) {
  CHECK(dlopen("libssl.so.3", RTLD_NOW | RTLD_GLOBAL) != NULL);
  const char* called = NULL;
  CHECK(CallFirst(&called) == 5);
  CHECK(called != NULL && strcmp(called, "first") == 0);
  return 0;
}
