// Fetches with an OpenSSL that is linked in: nobody can intercept its calls.
//
//   fetch PROXY-ADDRESS PROXY-PORT HOST PORT VERSION PLAN
//
// VERSION is 1.2 or 1.3. PLAN has a request on each line: method, path, bytes
// of body. All go over one connection, by CONNECT, one after the other.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void Fail(const char* what) {
  fprintf(stderr, "fetch: %s\n", what);
  exit(1);
}

static int Tunnel(const char* address, const char* port, const char* host,
                  const char* target_port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in proxy = {.sin_family = AF_INET};
  proxy.sin_port = htons((uint16_t)atoi(port));
  if (inet_pton(AF_INET, address, &proxy.sin_addr) != 1) Fail("address");
  if (connect(fd, (struct sockaddr*)&proxy, sizeof proxy) != 0) Fail("connect");
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  char text[512];
  const int size = snprintf(text, sizeof text,
                            "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
                            host, target_port, host, target_port);
  if (send(fd, text, (size_t)size, 0) != size) Fail("CONNECT");
  size_t have = 0;
  do {
    const ssize_t got = recv(fd, text + have, 1, 0);
    if (got != 1 || ++have == sizeof text) Fail("reply to CONNECT");
  } while (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4) != 0);
  if (strncmp(text, "HTTP/1.1 200", 12) != 0 &&
      strncmp(text, "HTTP/1.0 200", 12) != 0) {
    Fail("refused");
  }
  return fd;
}

static void Write(SSL* ssl, const char* bytes, size_t size) {
  if (size != 0 && SSL_write(ssl, bytes, (int)size) != (int)size) Fail("write");
}

// Reads a response with a Content-Length, and returns its status.
static int Read(SSL* ssl) {
  static char buffer[16384];
  char head[4096];
  size_t have = 0;
  do {
    if (have == sizeof head - 1 || SSL_read(ssl, head + have, 1) != 1) {
      Fail("response");
    }
    ++have;
  } while (have < 4 || memcmp(head + have - 4, "\r\n\r\n", 4) != 0);
  head[have] = '\0';
  const char* field = strcasestr(head, "\r\ncontent-length:");
  const int status = atoi(head + 9);
  if (status == 100) return status;
  if (field == NULL) Fail("no length");
  for (size_t left = strtoull(field + 17, NULL, 10); left != 0;) {
    const size_t most = left < sizeof buffer ? left : sizeof buffer;
    const int got = SSL_read(ssl, buffer, (int)most);
    if (got <= 0) Fail("body");
    left -= (size_t)got;
  }
  return status;
}

int main(int argc, char** argv) {
  if (argc != 7) Fail("arguments");
  const int fd = Tunnel(argv[1], argv[2], argv[3], argv[4]);
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  const int version =
      strcmp(argv[5], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  SSL* const ssl = SSL_new(context);
  SSL_set_tlsext_host_name(ssl, argv[3]);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) != 1) Fail("TLS");
  FILE* const plan = fopen(argv[6], "r");
  if (plan == NULL) Fail("plan");
  static char body[1 << 20];
  char method[16], path[256], head[1024];
  unsigned long size;
  while (fscanf(plan, "%15s %255s %lu", method, path, &size) == 3) {
    if (size > sizeof body) Fail("body of the plan");
    const char* expect = size > 100000 ? "Expect: 100-continue\r\n" : "";
    const int length = snprintf(head, sizeof head,
                                "%s %s HTTP/1.1\r\nHost: %s\r\n%s"
                                "Content-Length: %lu\r\n\r\n",
                                method, path, argv[3], expect, size);
    // The head and the body in records of their own, as most clients do.
    Write(ssl, head, (size_t)length);
    if (*expect != '\0' && Read(ssl) != 100) Fail("no 100");
    Write(ssl, body, size);
    printf("%d %s\n", Read(ssl), path);
  }
  SSL_shutdown(ssl);
  close(fd);
  return 0;
}
