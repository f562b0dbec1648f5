// The few calls to the dynamic linker, bound to symbol versions that exist in
// every glibc since 2.2.5: the default ones of a new glibc would make the shim
// fatal to every process of an older image.
#ifndef PROXYMETER_SHIM_DYNAMIC_LINKER_H_
#define PROXYMETER_SHIM_DYNAMIC_LINKER_H_

namespace proxymeter::shim {

/// The definition of `name` that follows ours in the global search order, or
/// null.
void* FindNext(const char* name);

/// The definition of `name` in the module of dlopen's `handle` or what that
/// depends on, or null. Leaves dlerror() silent.
void* FindIn(void* handle, const char* name);

/// The definition of `name` that code at `caller` would have been bound to had
/// we not been there: looked up in the caller's own module and what that
/// module depends on, else behind us in the global order, else in any loaded
/// module. Null when there is none. May allocate and take the linker's lock.
void* FindForCaller(const char* name, const void* caller);

/// Loads a library by its name for itself alone: what it defines hides nobody
/// else's. Null when that fails. Never unloaded. Allocates, takes the linker's
/// lock and runs constructors.
void* OpenLibrary(const char* name);

/// True when `address` lies in this very library.
bool IsOurs(const void* address);

/// Where the module that holds `address` is loaded, or null: its identity.
const void* ModuleOf(const void* address);

/// The definition of `name` in the very module that holds `address`, or null.
void* FindBeside(const char* name, const void* address);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_DYNAMIC_LINKER_H_
