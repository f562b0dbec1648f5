#include "collector/accounts/session_id.h"

#include <cstddef>

#include "absl/strings/escaping.h"

namespace proxymeter::collector {

std::string ToHex(const SessionId& id) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
}

std::optional<SessionId> SessionIdFromHex(std::string_view hex) {
  if (hex.size() != 2 * kSessionIdBytes) return std::nullopt;
  SessionId id{};
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else {
      return std::nullopt;
    }
    id[i / 2] = static_cast<std::uint8_t>(id[i / 2] << 4 | digit);
  }
  return id;
}

}  // namespace proxymeter::collector
