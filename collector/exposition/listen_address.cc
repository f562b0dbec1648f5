#include "collector/exposition/listen_address.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace proxymeter::collector {
namespace {

absl::Status Malformed(std::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("not an address to listen on: \"", std::string(text),
                   "\"; write HOST:PORT, with an IPv6 address in brackets"));
}

// "::" is every address, of IPv4 too; where the kernel was started without IPv6
// it is none.
std::string EveryAddress() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) return "0.0.0.0";
  if (fd >= 0) close(fd);
  return "::";
}

}  // namespace

std::string ListenAddress::ToString() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat(ipv6 ? "[" : "", host, ipv6 ? "]:" : ":", port);
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Malformed(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return Malformed(text);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return Malformed(text);
  }
  ListenAddress address;
  address.host = host.empty() ? EveryAddress() : std::string(host);
  const auto [end, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || error != std::errc() ||
      end != digits.data() + digits.size()) {
    return Malformed(text);
  }
  return address;
}

}  // namespace proxymeter::collector
