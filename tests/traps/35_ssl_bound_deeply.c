// A module loaded with RTLD_DEEPBIND finds the real functions before ours, and
// is given ours afterwards. The program itself moves its records.
#include "tls_client.h"

static TlsLibrary library;
static int connection;

static void ServeOne(int listener) { library.serve(listener, 1); }

static void Put(const void* records, size_t size) {
  CHECK(send(connection, records, size, 0) == (ssize_t)size);
}

static size_t Get(void* records, size_t room) {
  const ssize_t size = recv(connection, records, room, 0);
  CHECK(size > 0);
  return (size_t)size;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  library = LoadTls(argv[1], RTLD_LOCAL | RTLD_DEEPBIND);
  StartServer(ServeOne);
  connection = ConnectToServer();
  const TlsWay way = {.fd = -1, .put = Put, .get = Get};
  library.crawl(&way, 3);
  total_requests = 3;
  CloseAndCount(connection);
  Finish();
  return 0;
}
