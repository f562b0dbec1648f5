#include "cli/connection_text.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/policy/match_text.h"

namespace proxymeter::cli {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint16_t>, 7>
    kSchemePorts = {{{"http", 80},
                     {"https", 443},
                     {"socks", 1080},
                     {"socks4", 1080},
                     {"socks4a", 1080},
                     {"socks5", 1080},
                     {"socks5h", 1080}}};

std::string Decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    int byte = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[at + 1])) &&
        absl::SimpleHexAtoi(std::string(text.substr(at + 1, 2)), &byte)) {
      decoded += static_cast<char>(byte);
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what,
                   ": HOST[:PORT], ADDRESS[:PORT], [IPV6]:PORT or "
                   "USER@HOST[:PORT] is expected"));
}

}  // namespace

absl::StatusOr<ConnectionText> ParseConnection(std::string_view text) {
  ConnectionText connection;
  const std::size_t scheme = text.find("://");
  const bool is_url = scheme != std::string_view::npos;
  if (is_url) {
    const std::string name =
        absl::AsciiStrToLower(std::string(text.substr(0, scheme)));
    for (const auto& [known, port] : kSchemePorts) {
      if (name == known) connection.port = port;
    }
    if (connection.port == 0) {
      return Wrong(absl::StrCat("'", name, "' is no scheme of proxies"));
    }
    text.remove_prefix(scheme + 3);
  }
  // A user name may hold an '@'.
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    std::string_view user = text.substr(0, at);
    user = user.substr(0, user.find(':'));
    connection.user = is_url ? Decoded(user) : std::string(user);
    text.remove_prefix(at + 1);
  }
  if (is_url) text = text.substr(0, text.find('/'));

  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return Wrong("']' is missing");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') {
      return Wrong("something stands behind ']'");
    }
  } else if (text.find(':') == text.rfind(':')) {
    // More than one colon: an IPv6 address alone.
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  if (!port.empty()) {
    const std::string digits(port.substr(1));
    int number = 0;
    if (!absl::SimpleAtoi(digits, &number) || number < 1 || number > 65535) {
      return Wrong(absl::StrCat("'", digits, "' is not a port"));
    }
    connection.port = static_cast<std::uint16_t>(number);
  }
  if (const auto address = collector::ParseAddress(host)) {
    connection.address = address->network;
    return connection;
  }
  const auto name = collector::ParseHost(host);
  if (!name.ok() || name->suffix) {
    return Wrong(
        absl::StrCat("'", std::string(host), "' is neither host nor address"));
  }
  connection.host = name->name;
  return connection;
}

}  // namespace proxymeter::cli
