// A library that has OpenSSL linked in, with its names exported, and the
// system's libssl in one process: each session ends in its own.
#include "tls_client.h"

static TlsLibrary libraries[2];

static void ServeBoth(int listener) { libraries[1].serve(listener, 4); }

int main(int argc, char** argv) {
  CHECK(argc == 3);
  libraries[0] = LoadTls(argv[1], RTLD_LOCAL);
  libraries[1] = LoadTls(argv[2], RTLD_LOCAL);
  // Two implementations there are: neither found the other's.
  Dl_info first;
  Dl_info second;
  void* module = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
  CHECK(dladdr(dlsym(module, "SSL_new"), &first) != 0);
  module = dlopen(argv[2], RTLD_NOW | RTLD_NOLOAD);
  CHECK(dladdr(dlsym(module, "SSL_new"), &second) != 0);
  CHECK(strcmp(first.dli_fname, argv[1]) == 0);
  CHECK(strstr(second.dli_fname, "libssl.so") != NULL);
  StartServer(ServeBoth);
  for (int i = 0; i < 4; ++i) {
    const TlsWay way = {.fd = ConnectToServer()};
    libraries[i % 2].crawl(&way, 2);
    total_requests += 2;
    CloseAndCount(way.fd);
  }
  Finish();
  return 0;
}
