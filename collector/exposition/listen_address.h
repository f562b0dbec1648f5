// "HOST:PORT" as users write it.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_LISTEN_ADDRESS_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace proxymeter::collector {

struct ListenAddress {
  std::string host;  ///< without brackets; never empty
  std::uint16_t port = 0;

  /// With brackets around an IPv6 address.
  std::string ToString() const;
};

/// Takes 127.0.0.1:9099, localhost:9099, [::1]:9099 and :9099, which is every
/// address of the machine, of IPv4 alone where it has no IPv6. Port 0 lets the
/// kernel choose.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_LISTEN_ADDRESS_H_
