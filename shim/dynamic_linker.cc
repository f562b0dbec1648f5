#include "shim/dynamic_linker.h"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>

#if defined(__x86_64__)
#define PROXYMETER_GLIBC_BASE "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define PROXYMETER_GLIBC_BASE "GLIBC_2.17"
#endif

extern "C" {
void* proxymeter_dlsym(void*, const char*);
void* proxymeter_dlopen(const char*, int);
int proxymeter_dlclose(void*);
char* proxymeter_dlerror();
int proxymeter_dladdr(const void*, Dl_info*);
}
// The first and last byte of this very module, under the linker's names.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" __attribute__((visibility("hidden"))) const char __ehdr_start[];
extern "C" __attribute__((visibility("hidden"))) const char _end[];
// NOLINTEND(readability-identifier-naming)

asm(".symver proxymeter_dlsym, dlsym@" PROXYMETER_GLIBC_BASE);
asm(".symver proxymeter_dlopen, dlopen@" PROXYMETER_GLIBC_BASE);
asm(".symver proxymeter_dlclose, dlclose@" PROXYMETER_GLIBC_BASE);
asm(".symver proxymeter_dlerror, dlerror@" PROXYMETER_GLIBC_BASE);
asm(".symver proxymeter_dladdr, dladdr@" PROXYMETER_GLIBC_BASE);

namespace proxymeter::shim {
namespace {

// Looks `name` up in the loaded module `path` and its dependencies. A null
// path means the main program, that is the global scope.
void* FindInModule(const char* path, const char* name) {
  void* handle = proxymeter_dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return nullptr;
  void* found = proxymeter_dlsym(handle, name);
  proxymeter_dlclose(handle);
  return found != nullptr && !IsOurs(found) ? found : nullptr;
}

constexpr std::size_t kMaxPath = 4096;

struct ModulePath {
  std::size_t remaining;  // modules to pass over before the one wanted
  char path[kMaxPath];
};

int CopyPath(dl_phdr_info* info, std::size_t, void* data) {
  auto* wanted = static_cast<ModulePath*>(data);
  if (wanted->remaining-- != 0) return 0;
  const std::size_t length = __builtin_strlen(info->dlpi_name);
  if (length < kMaxPath) {
    __builtin_memcpy(wanted->path, info->dlpi_name, length + 1);
  }
  return 1;
}

// One module per pass: looking up inside dl_iterate_phdr's callback would take
// the linker's locks in the order opposite to dlopen's.
void* FindInAnyModule(const char* name) {
  ModulePath module;
  for (std::size_t index = 0;; ++index) {
    module.remaining = index;
    module.path[0] = '\0';
    if (dl_iterate_phdr(CopyPath, &module) == 0) return nullptr;
    if (module.path[0] == '\0') continue;  // the main program, or too long
    if (void* found = FindInModule(module.path, name)) return found;
  }
}

}  // namespace

// dladdr would walk a symbol table of thousands for each question.
bool IsOurs(const void* address) {
  return address >= __ehdr_start && address < _end;
}

void* OpenLibrary(const char* name) {
  return proxymeter_dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

const void* ModuleOf(const void* address) {
  Dl_info info;
  return proxymeter_dladdr(address, &info) != 0 ? info.dli_fbase : nullptr;
}

void* FindNext(const char* name) {
  void* found = proxymeter_dlsym(RTLD_NEXT, name);
  return found != nullptr && !IsOurs(found) ? found : nullptr;
}

void* FindIn(void* handle, const char* name) {
  void* found = proxymeter_dlsym(handle, name);
  if (found == nullptr) proxymeter_dlerror();
  return found;
}

void* FindForCaller(const char* name, const void* caller) {
  Dl_info info;
  if (proxymeter_dladdr(caller, &info) != 0 && info.dli_fname != nullptr) {
    if (void* found = FindInModule(info.dli_fname, name)) return found;
  }
  if (void* found = FindNext(name)) return found;
  return FindInAnyModule(name);
}

void* FindBeside(const char* name, const void* address) {
  Dl_info info;
  if (proxymeter_dladdr(address, &info) == 0) return nullptr;
  void* found =
      info.dli_fname != nullptr ? FindInModule(info.dli_fname, name) : nullptr;
  // The main program is not found by its file name: its scope is the global
  // one, in which our own definition does not hide those behind us.
  if (found == nullptr) found = FindNext(name);
  return found != nullptr && ModuleOf(found) == info.dli_fbase ? found
                                                               : nullptr;
}

}  // namespace proxymeter::shim
