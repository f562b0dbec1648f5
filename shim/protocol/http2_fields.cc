#include "shim/protocol/http2_fields.h"

#include <algorithm>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::size_t kStatusDigits = 3;
constexpr std::size_t kMaxGrpcDigits = 4;

/// Value of `text`, or -1 if it is not a number of at most `max_digits`.
int Number(std::string_view text, std::size_t max_digits) {
  if (text.empty() || text.size() > max_digits ||
      !std::all_of(text.begin(), text.end(), IsDigit)) {
    return -1;
  }
  int number = 0;
  for (char c : text) number = number * 10 + (c - '0');
  return number;
}

// application/grpc, alone or with a format or parameters behind it.
bool IsGrpc(std::string_view type) {
  constexpr std::string_view kType = "application/grpc";
  if (type.size() < kType.size() ||
      !std::equal(kType.begin(), kType.end(), type.begin(),
                  [](char ours, char theirs) {
                    return static_cast<std::uint8_t>(ours) ==
                           ToLower(static_cast<std::uint8_t>(theirs));
                  })) {
    return false;
  }
  type.remove_prefix(kType.size());
  return type.empty() || type[0] == '+' || type[0] == ';' || type[0] == ' ';
}

}  // namespace

void Http2Fields::Clear() {
  host_.Clear();
  words_.Clear();
  WipeCredentials();
  grpc_status_ = kNoGrpcStatus;
  status_ = 0;
  method_ = Method::kOther;
  scheme_ = Scheme::kOther;
  extended_ = false;
  has_status_ = false;
  grpc_ = false;
}

void Http2Fields::Take(std::string_view name, std::string_view value) {
  if (name.empty()) return;
  switch (name[0]) {
    case ':':
      TakePseudo(name, value);
      return;
    case 'h':
      if (name == "host" && host_.empty()) host_.AssignAuthority(value);
      return;
    case 'c':
      if (name == "content-type") grpc_ = IsGrpc(value);
      return;
    case 'g':
      if (name == "grpc-status") {
        const int status = Number(value, kMaxGrpcDigits);
        grpc_status_ =
            static_cast<std::int16_t>(status < 0 ? kBadGrpcStatus : status);
      }
      return;
    case 'p':
    case 'x':
      if (has_status_) {
        TakeWords(name, value);
      } else {
        TakeCredentials(name, value);
      }
      return;
    default:
      return;
  }
}

void Http2Fields::WipeCredentials() {
  if (has_credentials_) credentials_.Wipe();
  has_credentials_ = false;
}

void Http2Fields::TakeCredentials(std::string_view name,
                                  std::string_view value) {
  if (name == "proxy-authorization") {
    if (!credentials_.BeginAuthorization()) return;
    for (const char c : value) {
      credentials_.AppendAuthorization(static_cast<std::uint8_t>(c));
    }
  } else if (name == "x-proxy-vendor") {
    credentials_.BeginVendor();
    for (const char c : value) {
      credentials_.AppendVendor(static_cast<std::uint8_t>(c));
    }
  } else {
    return;
  }
  has_credentials_ = true;
}

void Http2Fields::TakeWords(std::string_view name, std::string_view value) {
  const auto source = ProxyWords::SourceOf(name);
  if (!source) return;
  words_.Begin(*source);
  for (const char c : value) words_.Append(static_cast<std::uint8_t>(c));
}

void Http2Fields::TakePseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    method_ = value == "HEAD"      ? Method::kHead
              : value == "CONNECT" ? Method::kConnect
                                   : Method::kOther;
  } else if (name == ":authority") {
    if (!value.empty()) host_.AssignAuthority(value);
  } else if (name == ":scheme") {
    scheme_ = value == "https"  ? Scheme::kHttps
              : value == "http" ? Scheme::kHttp
                                : Scheme::kOther;
  } else if (name == ":protocol") {
    extended_ = true;
  } else if (name == ":status") {
    has_status_ = true;
    const int status =
        value.size() == kStatusDigits ? Number(value, kStatusDigits) : 0;
    status_ = static_cast<std::uint16_t>(std::max(status, 0));
  }
}

}  // namespace proxymeter::protocol
