// Who listens where, to tell connections that were accepted.
#ifndef PROXYMETER_COLLECTOR_KERNEL_LISTENERS_H_
#define PROXYMETER_COLLECTOR_KERNEL_LISTENERS_H_

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

/// Where the sockets of a network namespace listen. An address of zeros, of
/// either family, stands for every one.
class Listeners {
 public:
  void Add(const Endpoint& local) {
    listening_.emplace(IsAny(local.address) ? Address{} : local.address,
                       local.port);
  }

  /// True when a connection with this `local` end was made by the other side.
  bool Accepted(const Endpoint& local) const {
    return listening_.contains({Address{}, local.port}) ||
           listening_.contains({local.address, local.port});
  }

 private:
  static bool IsAny(const Address& address) {
    return address == Address{} || address == MappedIpv4(0, 0, 0, 0);
  }

  absl::flat_hash_set<std::pair<Address, std::uint16_t>> listening_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_LISTENERS_H_
