// A library with a TLS implementation of its own whose names are OpenSSL's, as
// those with a static BoringSSL have. It only tells that it was called.
int SSL_write(void* ssl, const void* buffer, int size) {
  (void)buffer;
  *(const char**)ssl = OWN_NAME;
  return size;
}

int SSL_read(void* ssl, void* buffer, int size) {
  (void)buffer;
  (void)size;
  *(const char**)ssl = OWN_NAME;
  return -1;
}

// A call from inside the library, which must come back to it.
int OWN_CALLER(void* ssl) { return SSL_write(ssl, "hello", 5); }
