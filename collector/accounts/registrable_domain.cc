#include "collector/accounts/registrable_domain.h"

#include <libpsl.h>

namespace proxymeter::collector {
namespace {

// By the list, 192.0.2.1 would be 2.1. No top-level domain is a number.
bool IsAddress(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  const std::size_t last = host.rfind('.');
  return last != std::string::npos && last + 1 < host.size() &&
         host.find_first_not_of("0123456789", last + 1) == std::string::npos;
}

}  // namespace

std::string RegistrableDomain(const std::string& host) {
  if (IsAddress(host)) return host;
  // Part of the library; never null in Debian's.
  const psl_ctx_t* const list = psl_builtin();
  const char* domain =
      list != nullptr ? psl_registrable_domain(list, host.c_str()) : nullptr;
  return domain != nullptr ? std::string(domain) : host;
}

}  // namespace proxymeter::collector
