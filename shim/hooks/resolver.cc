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

// True when the addresses of `name` are worth remembering.
bool Matters(const char* name) {
  if (name == nullptr) return false;
  RefreshPolicy();
  return shim.attribution.Matters(name);
}

void ReportHost(const char* name, const hostent* host) {
  if (host == nullptr || !Matters(name)) return;
  for (char* const* entry = host->h_addr_list; *entry != nullptr; ++entry) {
    std::uint8_t bytes[16];
    if (host->h_addrtype == AF_INET && host->h_length == 4) {
      std::memcpy(bytes, *entry, 4);
      shim.attribution.Resolved(
          name, MappedIpv4(bytes[0], bytes[1], bytes[2], bytes[3]));
    } else if (host->h_addrtype == AF_INET6 && host->h_length == 16) {
      Address address;
      std::memcpy(address.data(), *entry, address.size());
      shim.attribution.Resolved(name, address);
    }
  }
}

}  // namespace

int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                addrinfo** result) {
  const int status = libc.getaddrinfo(node, service, hints, result);
  if (status != 0 || !Matters(node)) return status;
  for (const addrinfo* entry = *result; entry != nullptr;
       entry = entry->ai_next) {
    Address address;
    if (ReadAddress(*entry, &address)) {
      shim.attribution.Resolved(node, address);
    }
  }
  return status;
}

hostent* gethostbyname(const char* name) {
  hostent* host = libc.gethostbyname(name);
  ReportHost(name, host);
  return host;
}

hostent* gethostbyname2(const char* name, int family) {
  hostent* host = libc.gethostbyname2(name, family);
  ReportHost(name, host);
  return host;
}

// Those that take room for the answer leave it empty when there is none.

int gethostbyname_r(const char* name, hostent* host, char* buffer, size_t size,
                    hostent** result, int* error) {
  const int status =
      libc.gethostbyname_r(name, host, buffer, size, result, error);
  if (status == 0) ReportHost(name, *result);
  return status;
}

int gethostbyname2_r(const char* name, int family, hostent* host, char* buffer,
                     size_t size, hostent** result, int* error) {
  const int status =
      libc.gethostbyname2_r(name, family, host, buffer, size, result, error);
  if (status == 0) ReportHost(name, *result);
  return status;
}

}  // namespace proxymeter::shim::hooks
