// Host names of proxies, learned where the program resolves them.
#include <netinet/in.h>

#include <cstring>

#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

bool ReadAddress(const addrinfo& entry, Address* address) {
  if (entry.ai_addr == nullptr) return false;
  if (entry.ai_family == AF_INET && entry.ai_addrlen >= sizeof(sockaddr_in)) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry.ai_addr);
    std::uint8_t bytes[4];
    std::memcpy(bytes, &v4->sin_addr, sizeof(bytes));
    *address = MappedIpv4(bytes[0], bytes[1], bytes[2], bytes[3]);
    return true;
  }
  if (entry.ai_family == AF_INET6 && entry.ai_addrlen >= sizeof(sockaddr_in6)) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry.ai_addr);
    std::memcpy(address->data(), &v6->sin6_addr, address->size());
    return true;
  }
  return false;
}

}  // namespace

int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                addrinfo** result) {
  const int status = libc.getaddrinfo(node, service, hints, result);
  if (status != 0 || node == nullptr) return status;
  const std::string_view host = node;
  shim.attribution.policy().Refresh(shim.environment.directory(),
                                    shim.process.generation());
  if (!shim.attribution.Matters(host)) return status;
  for (const addrinfo* entry = *result; entry != nullptr;
       entry = entry->ai_next) {
    Address address;
    if (ReadAddress(*entry, &address)) {
      shim.attribution.Resolved(host, address);
    }
  }
  return status;
}

}  // namespace proxymeter::shim::hooks
