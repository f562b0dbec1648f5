// Modules that would be bound past us.
#include <dlfcn.h>

#include <cstring>

#include "shim/deep_binding.h"
#include "shim/hooks/hooks.h"
#include "shim/libc.h"

namespace proxymeter::shim::hooks {

// The real function looks at its return address for whose run path and
// namespace to search: mostly it is jumped to, and sees the program's. A path
// is searched for nowhere.
void* dlopen(const char* file, int mode) {
  if ((mode & RTLD_DEEPBIND) == 0 || file == nullptr ||
      std::strchr(file, '/') == nullptr || std::strchr(file, '$') != nullptr) {
    return libc.dlopen(file, mode);
  }
  const std::size_t before = CountModules();
  void* handle = libc.dlopen(file, mode);
  if (handle != nullptr) RebindSince(before, handle);
  return handle;
}

}  // namespace proxymeter::shim::hooks
