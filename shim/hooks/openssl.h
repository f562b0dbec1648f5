// The OpenSSL that a caller of an intercepted function is bound to.
#ifndef PROXYMETER_SHIM_HOOKS_OPENSSL_H_
#define PROXYMETER_SHIM_HOOKS_OPENSSL_H_

#include <openssl/types.h>

#include <atomic>
#include <cstddef>

namespace proxymeter::shim {

/// Functions of one library; a process may hold several (OpenSSL 1.1 and 3, a
/// static BoringSSL). The first four are intercepted, and null when the library
/// lacks them; of the others, all or none are set.
struct OpenSsl {
  int (*SSL_write)(SSL*, const void*, int);
  int (*SSL_write_ex)(SSL*, const void*, std::size_t, std::size_t*);
  int (*SSL_read)(SSL*, void*, int);
  int (*SSL_read_ex)(SSL*, void*, std::size_t, std::size_t*);

  std::size_t (*SSL_get_client_random)(const SSL*, unsigned char*, std::size_t);
  int (*SSL_is_server)(const SSL*);
  int (*SSL_get_fd)(const SSL*);

  bool can_pair() const { return SSL_get_client_random != nullptr; }
};

/// The library of the code that `caller` is a return address into, found once
/// per call site and remembered. `intercepted` names the function called: one
/// of the first four above. Null when no such function exists anywhere.
const OpenSsl* FindOpenSsl(const void* caller, const char* intercepted);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_OPENSSL_H_
