// The OpenSSL that a caller of an intercepted function is bound to.
#ifndef PROXYMETER_SHIM_HOOKS_OPENSSL_H_
#define PROXYMETER_SHIM_HOOKS_OPENSSL_H_

#include <openssl/types.h>

#include <cstddef>

namespace proxymeter::shim {

/// What is asked of one library; a process may hold several (OpenSSL 1.1 and 3,
/// a static BoringSSL). Null where the library lacks a function.
struct OpenSsl {
  std::size_t (*SSL_get_client_random)(const SSL*, unsigned char*, std::size_t);
  int (*SSL_is_server)(const SSL*);
  int (*SSL_get_fd)(const SSL*);

  bool can_pair() const {
    return SSL_get_client_random != nullptr && SSL_is_server != nullptr &&
           SSL_get_fd != nullptr;
  }
};

/// An intercepted call as the caller meant it.
struct OpenSslCall {
  void* real;              ///< the function it was bound to
  const OpenSsl* library;  ///< that function's library; null: do not pair
};

/// The function named `intercepted` of the code that `caller` is a return
/// address into; found once per call site and remembered. `intercepted` is
/// compared as a pointer: always pass the same literal. `real` is null only
/// when no such function exists anywhere.
OpenSslCall FindOpenSsl(const void* caller, const char* intercepted);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_OPENSSL_H_
