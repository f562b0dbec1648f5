// Modules loaded with RTLD_DEEPBIND look names up in themselves and what they
// depend on, libc among it, before they look at a preloaded library: PHP loads
// its extensions so. Their slots for the functions we intercept are given our
// functions afterwards; every other name stays bound as the program wants it.
#ifndef PROXYMETER_SHIM_DEEP_BINDING_H_
#define PROXYMETER_SHIM_DEEP_BINDING_H_

#include <cstddef>
#include <span>

namespace proxymeter::shim {

/// An intercepted function and its public name.
struct Door {
  const char* name;
  void* function;
  /// What it stands before; null where that depends on the caller.
  void* const* real;
};

/// Tells which functions to give; the library does so once, when it is loaded.
void SetDoors(std::span<const Door> doors);

/// How many modules are loaded.
std::size_t CountModules();

/// Gives our functions to the modules that were loaded when there were
/// `before` already, as far as they are bound to those that ours stand before.
/// `handle` is dlopen's. Leaves dlerror() silent.
void RebindSince(std::size_t before, void* handle);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_DEEP_BINDING_H_
