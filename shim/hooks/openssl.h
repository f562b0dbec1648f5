// What is asked of an OpenSSL.
#ifndef PROXYMETER_SHIM_HOOKS_OPENSSL_H_
#define PROXYMETER_SHIM_HOOKS_OPENSSL_H_

#include <openssl/types.h>

#include <cstddef>

#include "shim/hooks/tls_library.h"

namespace proxymeter::shim {

struct OpenSsl {
  std::size_t (*SSL_get_client_random)(const SSL*, unsigned char*, std::size_t);
  int (*SSL_is_server)(const SSL*);
  int (*SSL_get_fd)(const SSL*);
  // Since 1.1.1; BoringSSL has no SSL_get_early_data_status.
  int (*SSL_is_init_finished)(const SSL*);
  int (*SSL_get_early_data_status)(const SSL*);

  void Bind(const void* beside);
  bool can_pair() const {
    return SSL_get_client_random != nullptr && SSL_is_server != nullptr &&
           SSL_get_fd != nullptr;
  }
  bool has_early_data() const {
    return SSL_is_init_finished != nullptr &&
           SSL_get_early_data_status != nullptr;
  }
};

using OpenSslCall = TlsCall<OpenSsl>;

/// See TlsLibraries::Find.
OpenSslCall FindOpenSsl(const void* caller, const char* intercepted);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_OPENSSL_H_
