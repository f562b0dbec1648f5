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

#include "shim/hooks/gnutls.h"

namespace proxymeter::shim::hooks {

#define HOOK(result, name, parameters, arguments) result name parameters;
// The variadic argument as a long, which holds any of its types.
#define VARIADIC_HOOK(result, name, command_type) \
  result name(int fd, command_type command, long argument);
// Those of TLS libraries take the return address of the intercepted call first:
// it tells whose library is meant.
#define WITH_CALLER(...) (const void* caller, __VA_ARGS__)
#define SSL_HOOK(result, name, parameters, arguments) \
  result name WITH_CALLER parameters;
#define GNUTLS_HOOK SSL_HOOK
#include "shim/hooks/hooks.def"
#undef WITH_CALLER

}  // namespace proxymeter::shim::hooks

#endif  // PROXYMETER_SHIM_HOOKS_HOOKS_H_
