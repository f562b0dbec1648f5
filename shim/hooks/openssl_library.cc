#include <atomic>
#include <cstdint>

#include "shim/dynamic_linker.h"
#include "shim/hooks/openssl.h"

namespace proxymeter::shim {
namespace {

constexpr std::size_t kLibraries = 16;
constexpr std::size_t kCallSites = 256;
constexpr std::size_t kProbes = 8;

struct Library {
  std::atomic<const void*> marker{nullptr};  // its SSL_write, once complete
  OpenSsl functions{};
};

struct CallSite {
  std::atomic<const void*> caller{nullptr};
  std::atomic<const OpenSsl*> library{nullptr};
};

constinit Library libraries[kLibraries];
constinit std::atomic<std::uint32_t> libraries_taken{0};
constinit CallSite call_sites[kCallSites];

template <typename Function>
void Bind(const char* name, const void* beside, Function* function) {
  *function = reinterpret_cast<Function>(FindBeside(name, beside));
}

void Fill(const void* anchor, OpenSsl* functions) {
  Bind("SSL_write", anchor, &functions->SSL_write);
  Bind("SSL_write_ex", anchor, &functions->SSL_write_ex);
  Bind("SSL_read", anchor, &functions->SSL_read);
  Bind("SSL_read_ex", anchor, &functions->SSL_read_ex);
  Bind("SSL_get_client_random", anchor, &functions->SSL_get_client_random);
  Bind("SSL_is_server", anchor, &functions->SSL_is_server);
  Bind("SSL_get_fd", anchor, &functions->SSL_get_fd);
  if (functions->SSL_is_server == nullptr || functions->SSL_get_fd == nullptr) {
    functions->SSL_get_client_random = nullptr;
  }
}

// The table of `anchor`'s library. Two threads may fill two slots with the same
// library: harmless, and rarer than a lock would be costly.
const OpenSsl* LibraryOf(const void* anchor) {
  for (Library& library : libraries) {
    const void* marker = library.marker.load(std::memory_order_acquire);
    if (marker == anchor) return &library.functions;
  }
  const std::uint32_t index =
      libraries_taken.fetch_add(1, std::memory_order_relaxed);
  if (index >= kLibraries) return nullptr;
  Fill(anchor, &libraries[index].functions);
  libraries[index].marker.store(anchor, std::memory_order_release);
  return &libraries[index].functions;
}

}  // namespace

const OpenSsl* FindOpenSsl(const void* caller, const char* intercepted) {
  const std::size_t hash =
      (reinterpret_cast<std::uintptr_t>(caller) >> 2) * 0x9e3779b97f4a7c15u >>
      40;
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    CallSite& site = call_sites[(hash + probe) % kCallSites];
    const void* known = site.caller.load(std::memory_order_acquire);
    if (known != caller) continue;
    if (const OpenSsl* library = site.library.load(std::memory_order_acquire)) {
      return library;
    }
  }
  const void* anchor = FindForCaller(intercepted, caller);
  if (anchor == nullptr) return nullptr;
  const OpenSsl* library = LibraryOf(anchor);
  if (library == nullptr) return nullptr;
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    CallSite& site = call_sites[(hash + probe) % kCallSites];
    const void* empty = nullptr;
    if (site.caller.compare_exchange_strong(empty, caller,
                                            std::memory_order_acq_rel)) {
      site.library.store(library, std::memory_order_release);
      break;
    }
  }
  return library;
}

}  // namespace proxymeter::shim
