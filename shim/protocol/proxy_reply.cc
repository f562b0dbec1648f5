#include "shim/protocol/proxy_reply.h"

#include "shim/protocol/ascii.h"
#include "shim/protocol/socks.h"

namespace proxymeter::protocol {
namespace {

struct Meaning {
  std::string_view word;
  ProxyError error;
};

// RFC 9209, 2.3, in the order of its list.
constexpr Meaning kErrorTypes[] = {
    {"dns_timeout", ProxyError::kDns},
    {"dns_error", ProxyError::kDns},
    {"destination_not_found", ProxyError::kDns},
    {"destination_unavailable", ProxyError::kDestinationUnavailable},
    {"destination_ip_prohibited", ProxyError::kDenied},
    {"destination_ip_unroutable", ProxyError::kDestinationUnavailable},
    {"connection_refused", ProxyError::kDestinationRefused},
    {"connection_terminated", ProxyError::kDestinationClosed},
    {"connection_timeout", ProxyError::kDestinationTimedOut},
    {"connection_read_timeout", ProxyError::kDestinationTimedOut},
    {"connection_write_timeout", ProxyError::kDestinationTimedOut},
    {"connection_limit_reached", ProxyError::kRateLimited},
    {"tls_protocol_error", ProxyError::kDestinationTls},
    {"tls_certificate_error", ProxyError::kDestinationTls},
    {"tls_alert_received", ProxyError::kDestinationTls},
    {"http_request_error", ProxyError::kBadRequest},
    {"http_request_denied", ProxyError::kDenied},
    {"http_response_incomplete", ProxyError::kDestinationClosed},
    {"http_response_header_section_size", ProxyError::kDestinationResponse},
    {"http_response_header_size", ProxyError::kDestinationResponse},
    {"http_response_body_size", ProxyError::kDestinationResponse},
    {"http_response_trailer_section_size", ProxyError::kDestinationResponse},
    {"http_response_trailer_size", ProxyError::kDestinationResponse},
    {"http_response_transfer_coding", ProxyError::kDestinationResponse},
    {"http_response_content_coding", ProxyError::kDestinationResponse},
    {"http_response_timeout", ProxyError::kDestinationTimedOut},
    {"http_upgrade_failed", ProxyError::kDestinationResponse},
    {"http_protocol_error", ProxyError::kDestinationResponse},
    {"proxy_internal_response", ProxyError::kInternal},
    {"proxy_internal_error", ProxyError::kInternal},
    {"proxy_configuration_error", ProxyError::kInternal},
    {"proxy_loop_detected", ProxyError::kInternal},
};

// What vendors write in words, the more telling ones first: a quota is told by
// the same status as a wrong password.
constexpr Meaning kWords[] = {
    // Squid's own, X-Squid-Error, which many a vendor is made of.
    {"err_dns", ProxyError::kDns},
    {"err_connect", ProxyError::kDestinationUnavailable},
    {"err_cannot_forward", ProxyError::kDestinationUnavailable},
    {"err_secure", ProxyError::kDestinationTls},
    {"err_zero_size", ProxyError::kDestinationClosed},
    {"err_read_error", ProxyError::kDestinationClosed},
    {"err_invalid_resp", ProxyError::kDestinationResponse},
    {"err_cache_access", ProxyError::kAuthentication},
    {"err_access_denied", ProxyError::kDenied},
    {"exhaust", ProxyError::kQuota},
    {"quota", ProxyError::kQuota},
    {"traffic", ProxyError::kQuota},
    {"bandwidth", ProxyError::kQuota},
    {"balance", ProxyError::kQuota},
    {"payment", ProxyError::kQuota},
    {"suspended", ProxyError::kQuota},
    {"rate_limit", ProxyError::kRateLimited},
    {"rate limit", ProxyError::kRateLimited},
    {"too many", ProxyError::kRateLimited},
    {"throttle", ProxyError::kRateLimited},
    {"auth", ProxyError::kAuthentication},
    {"password", ProxyError::kAuthentication},
    {"credential", ProxyError::kAuthentication},
    {"customer", ProxyError::kAuthentication},
    {"peer", ProxyError::kUnavailable},
    {"block", ProxyError::kDenied},
    {"forbidden", ProxyError::kDenied},
    {"policy", ProxyError::kDenied},
    {"resolve", ProxyError::kDns},
    {"timeout", ProxyError::kDestinationTimedOut},
    {"timed out", ProxyError::kDestinationTimedOut},
    {"client_", ProxyError::kBadRequest},
    {"client-", ProxyError::kBadRequest},
    {"target_", ProxyError::kDestinationUnavailable},
    {"target-", ProxyError::kDestinationUnavailable},
};

constexpr std::string_view kVendorFields[] = {
    // Bright Data, under its names of several years.
    "x-brd-err-code", "x-brd-err-msg", "x-brd-error", "x-brd-error-code",
    "x-luminati-error", "x-luminati-error-code",
    // Oxylabs.
    "x-error-description",
    // Thordata.
    "x-thor-error-code", "x-thor-error-msg", "x-thor-error", "x-squid-error"};

bool IsKey(char c) { return IsTokenByte(static_cast<std::uint8_t>(c)); }

// What stands behind the last `error=` that begins a parameter; not in a string
// (RFC 8941, 3.3.3), as `details` has.
std::string_view LastError(std::string_view text) {
  constexpr std::string_view kParameter = "error=";
  std::string_view last;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') {
      quoted = false;
    } else if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && (at == 0 || !IsKey(text[at - 1])) &&
               std::string_view(text.data() + at, text.size() - at)
                   .starts_with(kParameter)) {
      last = text;
      last.remove_prefix(at + kParameter.size());
    }
  }
  return last;
}

// The parameter `error` of the last member that has one: the proxy nearest to
// us comes last (RFC 9209, 2).
std::optional<ProxyError> ErrorType(std::string_view text) {
  const std::string_view last = LastError(text);
  std::size_t size = 0;
  while (size < last.size() && IsKey(last[size])) ++size;
  for (const auto& [word, error] : kErrorTypes) {
    if (last.substr(0, size) == word) return error;
  }
  return std::nullopt;
}

std::optional<ProxyError> ErrorInWords(std::string_view text) {
  for (const auto& [word, error] : kWords) {
    if (text.find(word) != std::string_view::npos) return error;
  }
  return std::nullopt;
}

ProxyError ErrorOfStatus(int status) {
  switch (status) {
    case 401:
    case 407:
      return ProxyError::kAuthentication;
    case 402:
      return ProxyError::kQuota;
    case 403:
      return ProxyError::kDenied;
    case 404:
    case 523:
      return ProxyError::kDestinationUnavailable;
    case 429:
      return ProxyError::kRateLimited;
    case 501:
      return ProxyError::kUnsupported;
    case 502:
      return ProxyError::kBadGateway;
    case 503:
      return ProxyError::kUnavailable;
    case 504:
    case 522:
    case 524:
      return ProxyError::kDestinationTimedOut;
    case 521:
      return ProxyError::kDestinationRefused;
    case 525:
    case 526:
      return ProxyError::kDestinationTls;
    default:
      break;
  }
  if (status / 100 == 4) return ProxyError::kBadRequest;
  return status / 100 == 5 ? ProxyError::kInternal : ProxyError::kOther;
}

}  // namespace

std::optional<ProxyWords::Source> ProxyWords::SourceOf(
    std::string_view field_name) {
  if (field_name == "proxy-status") return Source::kProxyStatus;
  for (const std::string_view name : kVendorFields) {
    if (field_name == name) return Source::kVendor;
  }
  return std::nullopt;
}

void ProxyWords::Begin(Source source) {
  sources_ |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(source));
  if (size_ != 0) Append('\n');
}

void ProxyWords::Append(std::uint8_t byte) {
  if (size_ < kCapacity) text_[size_++] = static_cast<char>(ToLower(byte));
}

std::optional<ProxyError> ErrorOfReply(ReplyTo to, int status,
                                       const ProxyWords& words) {
  const bool vendor_says = words.has(ProxyWords::Source::kVendor);
  // Inside a tunnel the destination's own proxies speak in Proxy-Status.
  const bool proxy_says =
      vendor_says ||
      (to != ReplyTo::kInside && words.has(ProxyWords::Source::kProxyStatus));
  if (to == ReplyTo::kConnect) {
    if (status / 100 == 2) return std::nullopt;
  } else if (to == ReplyTo::kInside || status != 407) {
    // A field that says nothing bad comes with good responses too.
    if (!proxy_says || (status < 400 && !vendor_says)) return std::nullopt;
  }
  if (to != ReplyTo::kInside) {
    if (const auto error = ErrorType(words.text())) return error;
  }
  if (const auto error = ErrorInWords(words.text())) return error;
  return ErrorOfStatus(status);
}

std::optional<ProxyError> ErrorOfSocksReply(int version, std::uint8_t code) {
  if (version == 4) {
    switch (code) {
      case 90:
        return std::nullopt;
      case 92:  // identd
      case 93:
        return ProxyError::kAuthentication;
      default:
        return ProxyError::kDenied;
    }
  }
  switch (code) {
    case 0:
      return std::nullopt;
    case SocksServerParser::kNoMethod:
    case SocksServerParser::kBadPassword:
      return ProxyError::kAuthentication;
    case 1:
      return ProxyError::kInternal;
    case 2:
      return ProxyError::kDenied;
    case 3:
    case 4:
      return ProxyError::kDestinationUnavailable;
    case 5:
      return ProxyError::kDestinationRefused;
    case 6:
      return ProxyError::kDestinationTimedOut;
    case 7:
    case 8:
      return ProxyError::kUnsupported;
    default:
      return ProxyError::kOther;
  }
}

}  // namespace proxymeter::protocol
