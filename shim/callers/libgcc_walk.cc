#include "shim/callers/libgcc_walk.h"

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>

// What the unwinder has and asks for, prefixed (libgcc_unwinder.cmake).
extern "C" {
int proxymeter_gcc__Unwind_Backtrace(int (*trace)(void*, void*), void*);
int proxymeter_gcc__dl_find_object(void* address, dl_find_object* result);
[[noreturn]] void proxymeter_gcc_abort();
void* proxymeter_gcc_malloc(std::size_t size);
void proxymeter_gcc_free(void* memory);
std::size_t proxymeter_gcc_strlen(const char* text);
}

namespace proxymeter::shim {
namespace {

struct Walk {
  CallerFinder* finder;
  void* out[5];  // of __builtin_setjmp
};
// No argument reaches the functions that the unwinder calls.
constinit Walk walk = {};

// Not back through the unwinder: for an address without tables it goes on to
// read the code there, and there may be none.
[[noreturn]] void Leave() { __builtin_longjmp(walk.out, 1); }

int GoOn(void*, void*) { return 0; }

}  // namespace

[[gnu::noinline]] void WalkByLibgcc(CallerFinder* finder) {
  walk.finder = finder;
  if (__builtin_setjmp(walk.out) == 0) {
    proxymeter_gcc__Unwind_Backtrace(GoOn, nullptr);
  }
}

}  // namespace proxymeter::shim

// The unwinder asks for the tables of each frame before it takes it: here the
// frames show themselves. glibc has this function since 2.35 only.
int proxymeter_gcc__dl_find_object(void* address, dl_find_object* result) {
  using proxymeter::shim::Leave;
  using proxymeter::shim::walk;
  if (!walk.finder->Visit(reinterpret_cast<std::uintptr_t>(address))) Leave();
  const proxymeter::shim::Module& module = walk.finder->module();
  if (module.exception_table == nullptr) Leave();
  result->dlfo_flags = 0;
  result->dlfo_map_start = reinterpret_cast<void*>(module.first);
  result->dlfo_map_end = reinterpret_cast<void*>(module.end);
  result->dlfo_link_map = nullptr;
  result->dlfo_eh_frame = const_cast<void*>(module.exception_table);
  return 0;
}

// Tables that it does not understand are no reason to end the program.
void proxymeter_gcc_abort() { proxymeter::shim::Leave(); }

// Asked only for tables that a program registers with the unwinder: ours has
// none.
void* proxymeter_gcc_malloc(std::size_t) { return nullptr; }
void proxymeter_gcc_free(void*) {}

std::size_t proxymeter_gcc_strlen(const char* text) {
  return __builtin_strlen(text);
}
