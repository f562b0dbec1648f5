// The public names: thin doors to the hooks. Only the library has them, so
// that unit tests can call the hooks beside the real functions.
#include <cstdarg>

#include "shim/deep_binding.h"
#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

#define HOOK(result, name, parameters, arguments)     \
  EXPORT result name parameters {                     \
    return ::proxymeter::shim::hooks::name arguments; \
  }
#define VARIADIC_HOOK(result, name, command_type)                  \
  EXPORT result name(int fd, command_type command, ...) {          \
    va_list list;                                                  \
    va_start(list, command);                                       \
    const long argument = va_arg(list, long);                      \
    va_end(list);                                                  \
    return ::proxymeter::shim::hooks::name(fd, command, argument); \
  }
#define TLS_ARGUMENTS(...) (__builtin_return_address(0), __VA_ARGS__)
#define SSL_HOOK(result, name, parameters, arguments)               \
  EXPORT result name parameters {                                   \
    return ::proxymeter::shim::hooks::name TLS_ARGUMENTS arguments; \
  }
#define GNUTLS_HOOK SSL_HOOK
#include "shim/hooks/hooks.def"

namespace {

using proxymeter::shim::libc;

template <typename Function>
void* AsPointer(Function* function) {
  return reinterpret_cast<void*>(function);
}

// Not constant: where our names are first in the program's order is the
// linker's to tell.
#define HOOK(result, name, parameters, arguments) \
  {#name, AsPointer(::name), reinterpret_cast<void**>(&libc.name)},
#define VARIADIC_HOOK(result, name, command_type) \
  {#name, AsPointer(::name), reinterpret_cast<void**>(&libc.name)},
#define SSL_HOOK(result, name, parameters, arguments) \
  {#name, AsPointer(::name), nullptr},
const proxymeter::shim::Door kDoors[] = {
#include "shim/hooks/hooks.def"
};

__attribute__((constructor)) void Load() {
  proxymeter::shim::SetDoors(kDoors);
  proxymeter::shim::Initialise();
}

}  // namespace
