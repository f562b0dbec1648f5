// What is asked of a GnuTLS. Its header is not needed to build the shim: its
// types are opaque here, or laid out as its ABI has had them since 3.0.
#ifndef PROXYMETER_SHIM_HOOKS_GNUTLS_H_
#define PROXYMETER_SHIM_HOOKS_GNUTLS_H_

#include <sys/types.h>

#include <cstddef>

#include "shim/hooks/tls_library.h"

// As <gnutls/gnutls.h> names them.
// NOLINTBEGIN(readability-identifier-naming)
struct gnutls_session_int;
struct mbuffer_st;
// NOLINTEND(readability-identifier-naming)

namespace proxymeter::shim {

/// gnutls_datum_t.
struct GnuTlsDatum {
  unsigned char* data;
  unsigned int size;
};

struct GnuTls {
  void (*gnutls_session_get_random)(gnutls_session_int*, GnuTlsDatum* client,
                                    GnuTlsDatum* server);
  int (*gnutls_transport_get_int)(gnutls_session_int*);
  int (*gnutls_server_name_get)(gnutls_session_int*, void* name,
                                std::size_t* length, unsigned int* type,
                                unsigned int index);
  void (*gnutls_packet_get)(mbuffer_st*, GnuTlsDatum*, unsigned char* sequence);
  // Each of the following is newer than 3.0.
  std::size_t (*gnutls_record_check_corked)(gnutls_session_int*);
  ssize_t (*gnutls_record_send2)(gnutls_session_int*, const void*, std::size_t,
                                 std::size_t pad, unsigned int flags);
  unsigned int (*gnutls_session_get_flags)(gnutls_session_int*);

  void Bind(const void* beside);
  bool can_pair() const {
    return gnutls_session_get_random != nullptr &&
           gnutls_transport_get_int != nullptr &&
           gnutls_server_name_get != nullptr;
  }
};

using GnuTlsCall = TlsCall<GnuTls>;

/// See TlsLibraries::Find.
GnuTlsCall FindGnuTls(const void* caller, const char* intercepted);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_GNUTLS_H_
