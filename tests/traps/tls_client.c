#include "tls_client.h"

#include "../tls/certificate.h"

void Serve(int listener, int connections) {
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  GiveCertificate(context);
  for (int i = 0; i < connections; ++i) {
    const int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    SendAtOnce(fd);
    SSL* ssl = SSL_new(context);
    CHECK(SSL_set_fd(ssl, fd) == 1);
    CHECK(SSL_accept(ssl) == 1);
    char buffer[kRequestSize];
    while (SSL_read(ssl, buffer, sizeof(buffer)) == kRequestSize) {
      CHECK(SSL_write(ssl, kResponse, kResponseSize) == kResponseSize);
    }
    SSL_free(ssl);
    close(fd);
  }
  SSL_CTX_free(context);
}

#ifdef EX_CALLS
static int Write(SSL* ssl, const void* data, size_t size) {
  size_t written = 0;
  return SSL_write_ex(ssl, data, size, &written) == 1 ? (int)written : 0;
}
static int Read(SSL* ssl, void* data, size_t size) {
  size_t got = 0;
  return SSL_read_ex(ssl, data, size, &got) == 1 ? (int)got : 0;
}
#else
static int Write(SSL* ssl, const void* data, size_t size) {
  return SSL_write(ssl, data, (int)size);
}
static int Read(SSL* ssl, void* data, size_t size) {
  return SSL_read(ssl, data, (int)size);
}
#endif

// True when the call that returned `result` has to be repeated.
static int Again(const TlsWay* way, SSL* ssl, int result) {
  char records[16384];
  const int error = SSL_get_error(ssl, result);
  if (way->fd < 0) {
    const int size = BIO_read(SSL_get_wbio(ssl), records, sizeof(records));
    if (size > 0) way->put(records, (size_t)size);
  }
  if (result > 0) return 0;
  CHECK(error == SSL_ERROR_WANT_READ && way->fd < 0);
  const size_t more = way->get(records, sizeof(records));
  CHECK(BIO_write(SSL_get_rbio(ssl), records, (int)more) == (int)more);
  return 1;
}

void Crawl(const TlsWay* way, int requests) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  if (way->fd >= 0) {
    CHECK(SSL_set_fd(ssl, way->fd) == 1);
  } else {
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  SSL_set_tlsext_host_name(ssl, "shop.test");
  SSL_set_connect_state(ssl);
  char buffer[kResponseSize + 1];
  int result;
  for (int i = 0; i < requests; ++i) {
    while (Again(way, ssl, Write(ssl, kRequest, kRequestSize))) {
    }
    do {
      result = Read(ssl, buffer, sizeof(buffer));
    } while (Again(way, ssl, result));
    CHECK(result == kResponseSize);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
}
