// What the hosts that a policy names resolve to, here and now.
#ifndef PROXYMETER_COLLECTOR_AUDIT_HOST_ADDRESSES_H_
#define PROXYMETER_COLLECTOR_AUDIT_HOST_ADDRESSES_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

using HostsByAddress = std::map<Address, std::vector<std::string>>;

struct HostAddresses {
  HostsByAddress hosts;
  /// Those without an address, and those that did not answer in time.
  std::vector<std::string> unresolved;
};

/// Each name is a question to a name server; more of them would take longer
/// than anybody waits.
inline constexpr std::size_t kMaxHosts = 256;

/// Asks the system's resolver, for several at once. Returns after `patience` at
/// the latest; threads may then go on waiting for answers that they have asked
/// for.
HostAddresses ResolveHosts(const std::vector<std::string>& hosts,
                           std::chrono::milliseconds patience);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_HOST_ADDRESSES_H_
