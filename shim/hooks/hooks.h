// The bodies of the intercepted functions. Each makes the real call exactly
// once, with the caller's arguments, then reports what happened; no policy and
// no parsing here. exports.cc gives them their public names.
#ifndef PROXYMETER_SHIM_HOOKS_HOOKS_H_
#define PROXYMETER_SHIM_HOOKS_HOOKS_H_

#include <netdb.h>
#include <openssl/types.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdio>

namespace proxymeter::shim::hooks {

#define HOOK(result, name, parameters, arguments) result name parameters;
// The variadic argument as a long, which holds any of its types.
#define VARIADIC_HOOK(result, name) \
  result name(int fd, int command, long argument);
#include "shim/hooks/hooks.def"

// OpenSSL's take the return address of the intercepted call first: it tells
// whose library is meant.
int SSL_write(const void* caller, SSL* ssl, const void* buffer, int size);
int SSL_write_ex(const void* caller, SSL* ssl, const void* buffer,
                 std::size_t size, std::size_t* written);
int SSL_read(const void* caller, SSL* ssl, void* buffer, int size);
int SSL_read_ex(const void* caller, SSL* ssl, void* buffer, std::size_t size,
                std::size_t* read_bytes);

}  // namespace proxymeter::shim::hooks

#endif  // PROXYMETER_SHIM_HOOKS_HOOKS_H_
