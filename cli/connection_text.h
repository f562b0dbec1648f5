// A connection as people write it: [SCHEME://][USER[:PASSWORD]@]HOST[:PORT].
#ifndef PROXYMETER_CLI_CONNECTION_TEXT_H_
#define PROXYMETER_CLI_CONNECTION_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::cli {

struct ConnectionText {
  std::string host{};                ///< lower case; empty for an address
  std::optional<Address> address{};  ///< when it is one
  std::uint16_t port = 0;            ///< 0: none is given
  std::string user{};                ///< the password is not kept
};

/// IPv6 stands in brackets when a port follows. With a scheme, user names may
/// be percent-encoded (RFC 3986, 2.1), a path may follow, and without a port
/// it is the scheme's. InvalidArgument says what is wrong, without repeating
/// what may be a password.
absl::StatusOr<ConnectionText> ParseConnection(std::string_view text);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_CONNECTION_TEXT_H_
