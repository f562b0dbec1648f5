// The random name of a session, and its form as a journal's file name.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_SESSION_ID_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_SESSION_ID_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter::collector {

using SessionId = std::array<std::uint8_t, kSessionIdBytes>;

/// Lower-case hexadecimal, two digits a byte.
std::string ToHex(const SessionId& id);

/// The inverse of ToHex; nothing for any other text, upper case included, so
/// that one session has one file name.
std::optional<SessionId> SessionIdFromHex(std::string_view hex);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_SESSION_ID_H_
