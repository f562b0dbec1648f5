#include <atomic>
#include <cstdint>

#include "shim/dynamic_linker.h"
#include "shim/hooks/openssl.h"

namespace proxymeter::shim {
namespace {

constexpr std::size_t kLibraries = 64;
constexpr std::size_t kCallSites = 1024;
constexpr std::size_t kProbes = 8;

struct Library {
  std::atomic<const void*> module{nullptr};
  std::atomic<bool> complete{false};
  OpenSsl functions{};
};

// A return address alone does not tell the function: a wrapper that ends in a
// jump to SSL_read or SSL_write leaves its own caller's.
struct CallSite {
  std::atomic<const void*> caller{nullptr};
  std::atomic<const char*> intercepted{nullptr};
  std::atomic<void*> real{nullptr};
  std::atomic<const OpenSsl*> library{nullptr};
};

constinit Library libraries[kLibraries];
constinit CallSite call_sites[kCallSites];

template <typename Function>
void Bind(const char* name, const void* beside, Function* function) {
  *function = reinterpret_cast<Function>(FindBeside(name, beside));
}

void Fill(const void* anchor, OpenSsl* functions) {
  Bind("SSL_get_client_random", anchor, &functions->SSL_get_client_random);
  Bind("SSL_is_server", anchor, &functions->SSL_is_server);
  Bind("SSL_get_fd", anchor, &functions->SSL_get_fd);
}

// The functions of the library that `anchor` is one of. Null when there is no
// room, or while another thread fills them in: that one call goes unpaired, and
// nobody waits.
const OpenSsl* LibraryOf(const void* anchor) {
  const void* module = ModuleOf(anchor);
  for (Library& library : libraries) {
    const void* held = nullptr;
    if (library.module.compare_exchange_strong(held, module,
                                               std::memory_order_acq_rel)) {
      Fill(anchor, &library.functions);
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

std::size_t Slot(const void* caller, std::size_t probe) {
  const std::size_t hash =
      (reinterpret_cast<std::uintptr_t>(caller) >> 2) * 0x9e3779b97f4a7c15u >>
      40;
  return (hash + probe) % kCallSites;
}

void Remember(const void* caller, const char* intercepted,
              const OpenSslCall& call) {
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    CallSite& site = call_sites[Slot(caller, probe)];
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

}  // namespace

OpenSslCall FindOpenSsl(const void* caller, const char* intercepted) {
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const CallSite& site = call_sites[Slot(caller, probe)];
    if (site.caller.load(std::memory_order_acquire) != caller) continue;
    void* real = site.real.load(std::memory_order_acquire);
    if (real != nullptr &&
        site.intercepted.load(std::memory_order_relaxed) == intercepted) {
      return {real, site.library.load(std::memory_order_relaxed)};
    }
  }
  OpenSslCall call = {FindForCaller(intercepted, caller), nullptr};
  if (call.real == nullptr) return call;
  call.library = LibraryOf(call.real);
  if (call.library != nullptr) Remember(caller, intercepted, call);
  return call;
}

}  // namespace proxymeter::shim
