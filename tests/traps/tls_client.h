// A library that speaks TLS, for programs that load it in all the ways there
// are. What it exports, and how to load it.
#ifndef PROXYMETER_TESTS_TRAPS_TLS_CLIENT_H_
#define PROXYMETER_TESTS_TRAPS_TLS_CLIENT_H_

#define _GNU_SOURCE  // dladdr, RTLD_DEEPBIND
#include <dlfcn.h>

#include "../tls/connection.h"

// How the client's records get to the server: by the library itself on a
// socket, or by the program that calls it.
typedef struct {
  int fd;  // negative: by the two
  void (*put)(const void* records, size_t size);
  size_t (*get)(void* records, size_t room);
} TlsWay;

// Serves so many connections, one after the other.
typedef void (*TlsServe)(int listener, int connections);
// Exchanges so many requests and responses.
typedef void (*TlsCrawl)(const TlsWay* way, int requests);

typedef struct {
  TlsServe serve;
  TlsCrawl crawl;
} TlsLibrary;

static inline TlsLibrary LoadTls(const char* path, int flags) {
  void* library = dlopen(path, RTLD_NOW | flags);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  const TlsLibrary found = {(TlsServe)dlsym(library, "Serve"),
                            (TlsCrawl)dlsym(library, "Crawl")};
  CHECK(found.serve != NULL && found.crawl != NULL);
  return found;
}

#endif  // PROXYMETER_TESTS_TRAPS_TLS_CLIENT_H_
