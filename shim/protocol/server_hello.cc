#include "shim/protocol/server_hello.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kServerHello = 2;
constexpr std::uint32_t kMaxMessage = 1 << 16;
constexpr std::uint32_t kMaxSessionLength = 32;
constexpr std::uint16_t kAlpnExtension = 16;               // RFC 7301
constexpr std::uint16_t kSupportedVersionsExtension = 43;  // RFC 8446, 4.2.1

// The random of a HelloRetryRequest (RFC 8446, 4.1.3).
constexpr std::uint8_t kRetryRandom[] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

TlsVersion VersionOfNumber(unsigned number) {
  switch (number) {
    case 0x0301:
      return TlsVersion::kTls10;
    case 0x0302:
      return TlsVersion::kTls11;
    case 0x0303:
      return TlsVersion::kTls12;
    case 0x0304:
      return TlsVersion::kTls13;
    default:
      return TlsVersion::kUnknown;
  }
}

}  // namespace

ServerHelloParser::Status ServerHelloParser::Consume(Bytes data) {
  while (status_ == Status::kNeedMore && !data.empty()) {
    const std::size_t size =
        std::min<std::size_t>(data.size(), field_size_ - field_have_);
    if (field_have_ < kKept) {
      std::memcpy(kept_.data() + field_have_, data.data(),
                  std::min<std::size_t>(size, kKept - field_have_));
    }
    field_have_ += static_cast<std::uint32_t>(size);
    message_left_ -= static_cast<std::uint32_t>(size);
    data = data.subspan(size);
    // A field of no bytes ends at once.
    while (status_ == Status::kNeedMore && field_have_ == field_size_) {
      if (!EndField()) status_ = Status::kLost;
    }
  }
  return status_;
}

bool ServerHelloParser::Expect(Field field, std::size_t size) {
  field_ = field;
  field_size_ = static_cast<std::uint32_t>(size);
  field_have_ = 0;
  return size <= message_left_;
}

bool ServerHelloParser::EndField() {
  switch (field_) {
    case Field::kHeader:
      message_left_ = static_cast<std::uint32_t>(kept_[1] << 16) | Number(2);
      return kept_[0] == kServerHello && message_left_ <= kMaxMessage &&
             Expect(Field::kVersion, 2);
    case Field::kVersion:
      version_ = VersionOfNumber(Number(0));
      return Expect(Field::kRandom, sizeof(kRetryRandom));
    case Field::kRandom:
      retry_ = IsRetry();
      return Expect(Field::kSessionLength, 1);
    case Field::kSessionLength:
      return kept_[0] <= kMaxSessionLength && Expect(Field::kSession, kept_[0]);
    case Field::kSession:
      return Expect(Field::kCipherSuite, 2);
    case Field::kCipherSuite:
      cipher_suite_ = static_cast<std::uint16_t>(Number(0));
      return Expect(Field::kCompression, 1);
    case Field::kCompression:
      if (message_left_ != 0) return Expect(Field::kExtensionsLength, 2);
      break;
    case Field::kExtensionsLength:
      if (Number(0) != message_left_) return false;
      if (message_left_ != 0) return Expect(Field::kExtensionHeader, 4);
      break;
    case Field::kExtensionHeader:
      extension_ = static_cast<std::uint16_t>(Number(0));
      return Expect(Field::kExtension, Number(2));
    case Field::kExtension:
      EndExtension();
      if (message_left_ != 0) return Expect(Field::kExtensionHeader, 4);
      break;
  }
  status_ = EndMessage();
  return true;
}

void ServerHelloParser::EndExtension() {
  if (extension_ == kSupportedVersionsExtension && field_size_ == 2) {
    version_ = VersionOfNumber(Number(0));
  } else if (extension_ == kAlpnExtension) {
    // A list of one name.
    const std::size_t size =
        field_size_ > 3 ? std::min<std::size_t>(kept_[2], kKept - 3) : 0;
    const std::string_view name(reinterpret_cast<const char*>(&kept_[3]), size);
    alpn_ = name == "h2"         ? Alpn::kHttp2
            : name == "http/1.1" ? Alpn::kHttp1
                                 : Alpn::kOther;
  }
}

ServerHelloParser::Status ServerHelloParser::EndMessage() {
  if (!retry_) return Status::kDone;
  if (retried_) return Status::kLost;
  *this = {};
  retried_ = true;
  return Status::kNeedMore;
}

bool ServerHelloParser::IsRetry() const {
  static_assert(sizeof(kRetryRandom) <= kKept);
  return std::memcmp(kept_.data(), kRetryRandom, sizeof(kRetryRandom)) == 0;
}

}  // namespace proxymeter::protocol
