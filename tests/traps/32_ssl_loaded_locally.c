// A module that brings OpenSSL along, loaded as an interpreter loads its own:
// no name of it is in the global scope.
#include "tls_client.h"

static TlsLibrary library;

static void ServeOne(int listener) { library.serve(listener, 1); }

int main(int argc, char** argv) {
  CHECK(argc == 2);
  library = LoadTls(argv[1], RTLD_LOCAL);
  CHECK(dlsym(RTLD_DEFAULT, "SSL_new") == NULL);
  StartServer(ServeOne);
  const TlsWay way = {.fd = ConnectToServer()};
  library.crawl(&way, 3);
  total_requests = 3;
  CloseAndCount(way.fd);
  Finish();
  return 0;
}
