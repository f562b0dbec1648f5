// As 35_ssl_bound_deeply, and the module reads and writes the socket too.
#include "tls_client.h"

static TlsLibrary library;

static void ServeOne(int listener) { library.serve(listener, 1); }

int main(int argc, char** argv) {
  CHECK(argc == 2);
  library = LoadTls(argv[1], RTLD_LOCAL | RTLD_DEEPBIND);
  StartServer(ServeOne);
  const TlsWay way = {.fd = ConnectToServer()};
  library.crawl(&way, 3);
  CloseAndCount(way.fd);
  total_requests = 3;
  Finish();
  return 0;
}
