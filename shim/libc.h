// The one way to the real libc: a table of function pointers, made from
// hooks.def. Unit tests put a fake libc in its place.
#ifndef PROXYMETER_SHIM_LIBC_H_
#define PROXYMETER_SHIM_LIBC_H_

#include <netdb.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdio>

namespace proxymeter::shim {

struct Libc {
#define HOOK(result, name, parameters, arguments) result(*name) parameters;
#define VARIADIC_HOOK(result, name, command_type) \
  result (*name)(int, command_type, ...);
#include "shim/hooks/hooks.def"

  // Asked of the kernel, not intercepted; errno is left alone.
  /// 1 or 0, -1 when `fd` is not open.
  int (*is_socket)(int fd);
  /// getpeername; 0 or its errno.
  int (*peer_address)(int fd, sockaddr_storage* address, socklen_t* length);
};

/// Hooks run before our constructor and after exit(): until ResolveLibc has
/// run, each entry makes the system call itself.
extern constinit Libc libc;

/// Fills `libc` with the functions that stand behind ours in the search order.
/// One that is not found keeps making its system call. Leaves errno alone.
void ResolveLibc();

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_LIBC_H_
