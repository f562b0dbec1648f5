#include "shim/protocol/proxy_credentials.h"

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::string_view kBasic = "basic";
constexpr std::uint16_t kTooLong = kMaxCredentialLength + 1;

// Value of a digit of base64 (RFC 4648, 4), or -1.
int Base64(std::uint8_t byte) {
  if (byte >= 'A' && byte <= 'Z') return byte - 'A';
  if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
  if (byte >= '0' && byte <= '9') return byte - '0' + 52;
  if (byte == '+') return 62;
  return byte == '/' ? 63 : -1;
}

}  // namespace

void ProxyCredentials::Wipe() {
  // Through a volatile pointer: nobody reads it again, and still it must go.
  volatile unsigned char* const bytes =
      reinterpret_cast<volatile unsigned char*>(this);
  for (std::size_t i = 0; i < sizeof(*this); ++i) bytes[i] = 0;
  state_ = State::kNone;
}

void ProxyCredentials::Append(Text* text, std::uint8_t byte) {
  if (text->size < kMaxCredentialLength) {
    text->bytes[text->size++] = static_cast<char>(byte);
  } else {
    text->size = kTooLong;
  }
}

void ProxyCredentials::AppendVendor(std::uint8_t byte) {
  if (vendor_size_ < kMaxVendorLength) {
    vendor_[vendor_size_++] = static_cast<char>(ToLower(byte));
  } else {
    vendor_size_ = kMaxVendorLength + 1;
  }
}

std::string_view ProxyCredentials::vendor() const {
  if (vendor_size_ > kMaxVendorLength) return {};
  return {vendor_, vendor_size_};
}

bool ProxyCredentials::BeginAuthorization() {
  if (state_ != State::kNone) return false;
  state_ = State::kScheme;
  return true;
}

void ProxyCredentials::AppendAuthorization(std::uint8_t byte) {
  switch (state_) {
    case State::kScheme:
      if (matched_ < kBasic.size()) {
        if (ToLower(byte) == static_cast<std::uint8_t>(kBasic[matched_])) {
          ++matched_;
        } else {
          state_ = State::kOther;
        }
      } else {
        state_ = IsBlank(byte) ? State::kBlanks : State::kOther;
      }
      return;
    case State::kBlanks:
      if (IsBlank(byte)) return;
      state_ = State::kUser;
      break;
    case State::kUser:
    case State::kPassword:
      break;
    case State::kNone:
    case State::kOther:
      return;
  }
  const int digit = Base64(byte);
  if (digit < 0) {
    // Padding, or what stands where base64 may not.
    state_ = State::kOther;
    return;
  }
  group_ = group_ << 6 | static_cast<std::uint32_t>(digit);
  bits_ = static_cast<std::uint8_t>(bits_ + 6);
  if (bits_ < 8) return;
  bits_ = static_cast<std::uint8_t>(bits_ - 8);
  AppendDecoded(static_cast<std::uint8_t>(group_ >> bits_));
}

void ProxyCredentials::AppendDecoded(std::uint8_t byte) {
  if (state_ == State::kPassword) {
    AppendPassword(byte);
  } else if (byte == ':') {
    state_ = State::kPassword;
  } else {
    AppendUser(byte);
  }
}

}  // namespace proxymeter::protocol
