/* A library with a TLS implementation inside. */
int SSL_write(void* session, const void* data, int size) {
  (void)session;
  (void)data;
  return size;
}
int CallOwnSsl(void);
int CallOwnSsl(void) { return SSL_write(0, "x", 1); }
