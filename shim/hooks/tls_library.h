// The TLS library that a caller of an intercepted function is bound to.
#ifndef PROXYMETER_SHIM_HOOKS_TLS_LIBRARY_H_
#define PROXYMETER_SHIM_HOOKS_TLS_LIBRARY_H_

#include <errno.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shim/dynamic_linker.h"

namespace proxymeter::shim {

/// An intercepted call as the caller meant it.
template <typename Functions>
struct TlsCall {
  void* real;                ///< the function it was bound to
  const Functions* library;  ///< that function's library; null: do not pair
};

/// All libraries of one kind; a process may hold several (OpenSSL 1.1 and 3, a
/// static BoringSSL). `Functions` is what is asked of one: pointers, null where
/// it lacks a function, that `void Bind(const void* beside)` fills in from the
/// module that holds `beside`.
template <typename Functions>
class TlsLibraries {
 public:
  constexpr TlsLibraries() = default;

  /// The function named `intercepted` of the code that `caller` is a return
  /// address into; found once per call site and remembered. `intercepted` is
  /// compared as a pointer: always pass the same literal. `real` is null only
  /// when no such function exists anywhere. Leaves errno alone.
  [[gnu::always_inline]] TlsCall<Functions> Find(const void* caller,
                                                 const char* intercepted) {
    for (std::size_t probe = 0; probe < kProbes; ++probe) {
      const CallSite& site = call_sites_[Slot(caller, probe)];
      if (site.caller.load(std::memory_order_acquire) != caller) continue;
      void* real = site.real.load(std::memory_order_acquire);
      if (real != nullptr &&
          site.intercepted.load(std::memory_order_relaxed) == intercepted) {
        return {real, site.library.load(std::memory_order_relaxed)};
      }
    }
    return FindFirst(caller, intercepted);
  }

 private:
  static constexpr std::size_t kLibraries = 64;
  static constexpr std::size_t kCallSites = 1024;
  static constexpr std::size_t kProbes = 8;

  struct Library {
    std::atomic<const void*> module{nullptr};
    std::atomic<bool> complete{false};
    Functions functions{};
  };

  // A return address alone does not tell the function: a wrapper that ends in a
  // jump to an intercepted one leaves its own caller's.
  struct CallSite {
    std::atomic<const void*> caller{nullptr};
    std::atomic<const char*> intercepted{nullptr};
    std::atomic<void*> real{nullptr};
    std::atomic<const Functions*> library{nullptr};
  };

  static std::size_t Slot(const void* caller, std::size_t probe) {
    const std::size_t hash =
        (reinterpret_cast<std::uintptr_t>(caller) >> 2) * 0x9e3779b97f4a7c15u >>
        40;
    return (hash + probe) % kCallSites;
  }

  [[gnu::noinline]] TlsCall<Functions> FindFirst(const void* caller,
                                                 const char* intercepted) {
    const int saved_errno = errno;
    TlsCall<Functions> call = {FindForCaller(intercepted, caller), nullptr};
    if (call.real != nullptr) call.library = LibraryOf(call.real);
    if (call.library != nullptr) Remember(caller, intercepted, call);
    errno = saved_errno;
    return call;
  }

  // The functions of the library that `anchor` is one of. Null when there is no
  // room, or while another thread fills them in: that one call goes unpaired,
  // and nobody waits.
  const Functions* LibraryOf(const void* anchor) {
    const void* module = ModuleOf(anchor);
    for (Library& library : libraries_) {
      const void* held = nullptr;
      if (library.module.compare_exchange_strong(held, module,
                                                 std::memory_order_acq_rel)) {
        library.functions.Bind(anchor);
        library.complete.store(true, std::memory_order_release);
        return &library.functions;
      }
      if (held == module) {
        return library.complete.load(std::memory_order_acquire)
                   ? &library.functions
                   : nullptr;
      }
    }
    return nullptr;
  }

  void Remember(const void* caller, const char* intercepted,
                const TlsCall<Functions>& call) {
    for (std::size_t probe = 0; probe < kProbes; ++probe) {
      CallSite& site = call_sites_[Slot(caller, probe)];
      const void* empty = nullptr;
      if (site.caller.compare_exchange_strong(empty, caller,
                                              std::memory_order_acq_rel)) {
        site.library.store(call.library, std::memory_order_relaxed);
        site.intercepted.store(intercepted, std::memory_order_relaxed);
        site.real.store(call.real, std::memory_order_release);
        return;
      }
    }
  }

  Library libraries_[kLibraries]{};
  CallSite call_sites_[kCallSites]{};
};

/// Sets `*function` to the one called `name` in the module of `beside`.
template <typename Function>
void BindBeside(const char* name, const void* beside, Function* function) {
  *function = reinterpret_cast<Function>(FindBeside(name, beside));
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_TLS_LIBRARY_H_
