#include "shim/protocol/client_hello.h"

#include <algorithm>
#include <cstring>

#include "shim/protocol/tls_records.h"

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kMajorVersion = 3;
constexpr std::uint32_t kMaxRecordLength = 1 << 14;
constexpr std::uint32_t kMaxMessageLength = 1 << 16;
constexpr std::uint32_t kClientHelloType = 1;
constexpr std::uint32_t kVersionSize = 2;
constexpr std::uint32_t kMaxSessionLength = 32;
constexpr std::uint32_t kServerNameExtension = 0;
constexpr std::uint32_t kAlpnExtension = 16;
constexpr std::uint32_t kEncryptedHelloExtension = 0xfe0d;
constexpr std::uint32_t kHostNameType = 0;

constexpr std::string_view kHttp1Alpn = "http/1.1";
constexpr std::string_view kHttp2Alpn = "h2";
constexpr std::string_view kHttp3Alpn = "h3";

}  // namespace

void ClientHelloParser::Reset() {
  number_ = 0;
  number_bytes_ = 0;
  message_left_ = 0;
  content_left_ = 0;
  extension_left_ = 0;
  alpn_length_ = 0;
  saw_alpn_ = false;
  may_hide_another_ = false;
  alpn_offers_ = 0;
  record_ = Record::kType;
  field_ = Field::kMessageType;
  status_ = Status::kNeedMore;
  server_name_.Clear();
}

ClientHelloParser::Status ClientHelloParser::Consume(Bytes data) {
  while (status_ == Status::kNeedMore && !data.empty()) {
    const bool in_record = record_ == Record::kData;
    const std::size_t size =
        in_record ? std::min<std::size_t>(data.size(), record_left_) : 1;
    const bool good = in_record ? TakeMessage(data.first(size))
                                : TakeRecordHeader(data.front());
    if (!good) status_ = Status::kNotTls;
    data = data.subspan(size);
  }
  return status_;
}

// RFC 8446, 5.1.
bool ClientHelloParser::TakeRecordHeader(std::uint8_t byte) {
  switch (record_) {
    case Record::kType:
      record_ = Record::kMajorVersion;
      return TlsContent{byte} == TlsContent::kHandshake;
    case Record::kMajorVersion:
      record_ = Record::kMinorVersion;
      return byte == kMajorVersion;
    case Record::kMinorVersion:
      record_ = Record::kLengthHigh;
      return true;
    case Record::kLengthHigh:
      record_left_ = static_cast<std::uint16_t>(byte << 8);
      record_ = Record::kLengthLow;
      return record_left_ <= kMaxRecordLength;
    case Record::kLengthLow:
      record_left_ = static_cast<std::uint16_t>(record_left_ | byte);
      record_ = Record::kData;
      return record_left_ > 0 && record_left_ <= kMaxRecordLength;
    case Record::kData:
      break;
  }
  return false;
}

bool ClientHelloParser::TakeMessage(Bytes fragment) {
  record_left_ = static_cast<std::uint16_t>(record_left_ - fragment.size());
  if (record_left_ == 0) record_ = Record::kType;
  while (!fragment.empty()) {
    const bool is_number = NumberSize(field_) > 0;
    const std::size_t size =
        is_number ? 1 : std::min<std::size_t>(fragment.size(), content_left_);
    if (!(is_number ? TakeNumber(fragment.front())
                    : TakeContent(fragment.first(size)))) {
      return false;
    }
    if (field_ > Field::kMessageLength && message_left_ == 0) {
      if (!BetweenFields()) return false;
      status_ = Status::kDone;
      return true;
    }
    fragment = fragment.subspan(size);
  }
  return true;
}

std::uint8_t ClientHelloParser::NumberSize(Field field) {
  switch (field) {
    case Field::kMessageType:
    case Field::kSessionLength:
    case Field::kCompressionsLength:
    case Field::kNameType:
    case Field::kAlpnLength:
      return 1;
    case Field::kCipherSuitesLength:
    case Field::kExtensionsLength:
    case Field::kExtensionType:
    case Field::kExtensionLength:
    case Field::kNameListLength:
    case Field::kNameLength:
    case Field::kAlpnListLength:
      return 2;
    case Field::kMessageLength:
      return 3;
    case Field::kVersion:
    case Field::kRandom:
    case Field::kSession:
    case Field::kCipherSuites:
    case Field::kCompressions:
    case Field::kExtensionData:
    case Field::kName:
    case Field::kOtherName:
    case Field::kAlpn:
      break;
  }
  return 0;
}

bool ClientHelloParser::TakeNumber(std::uint8_t byte) {
  if (!Advance(1)) return false;
  number_ = number_ << 8 | byte;
  if (++number_bytes_ < NumberSize(field_)) return true;
  const std::uint32_t number = number_;
  number_ = 0;
  number_bytes_ = 0;
  return EndNumber(number);
}

bool ClientHelloParser::EndNumber(std::uint32_t number) {
  switch (field_) {
    case Field::kMessageType:
      return number == kClientHelloType && Next(Field::kMessageLength);
    case Field::kMessageLength:
      message_left_ = number;
      return number <= kMaxMessageLength &&
             StartContent(Field::kVersion, kVersionSize);
    case Field::kSessionLength:
      return number <= kMaxSessionLength &&
             StartContent(Field::kSession, number);
    case Field::kCipherSuitesLength:
      return number > 0 && number % 2 == 0 &&
             StartContent(Field::kCipherSuites, number);
    case Field::kCompressionsLength:
      return number > 0 && StartContent(Field::kCompressions, number);
    case Field::kExtensionsLength:
      return number == message_left_ && Next(Field::kExtensionType);
    case Field::kExtensionType:
      extension_type_ = static_cast<std::uint16_t>(number);
      return Next(Field::kExtensionLength);
    case Field::kExtensionLength:
      return number <= message_left_ && StartExtension(number);
    case Field::kNameListLength:
      return number == extension_left_ && number > 0 && Next(Field::kNameType);
    case Field::kNameType:
      name_is_host_ = number == kHostNameType && server_name_.empty();
      return Next(Field::kNameLength);
    case Field::kNameLength:
      return number > 0 && number <= extension_left_ &&
             StartContent(name_is_host_ ? Field::kName : Field::kOtherName,
                          number);
    case Field::kAlpnListLength:
      return number == extension_left_ && number > 0 &&
             Next(Field::kAlpnLength);
    case Field::kAlpnLength:
      return number > 0 && number <= extension_left_ && StartAlpn(number);
    default:
      return false;
  }
}

bool ClientHelloParser::StartExtension(std::uint32_t size) {
  extension_left_ = size;
  may_hide_another_ |= extension_type_ == kEncryptedHelloExtension;
  if (extension_type_ == kServerNameExtension) {
    return Next(Field::kNameListLength);
  }
  if (extension_type_ == kAlpnExtension) return Next(Field::kAlpnListLength);
  return StartContent(Field::kExtensionData, size);
}

bool ClientHelloParser::StartContent(Field field, std::uint32_t size) {
  if (size > message_left_) return false;
  field_ = field;
  content_left_ = size;
  return size > 0 || EndContent();
}

bool ClientHelloParser::TakeContent(Bytes content) {
  if (field_ == Field::kRandom) {
    std::memcpy(random_.data() + random_.size() - content_left_, content.data(),
                content.size());
  } else if (field_ == Field::kName) {
    for (std::uint8_t byte : content) server_name_.AppendHost(byte);
  } else if (field_ == Field::kAlpn) {
    MatchAlpn(content);
    if (!saw_alpn_) KeepAlpn(content);
  }
  content_left_ -= static_cast<std::uint32_t>(content.size());
  return Advance(content.size()) && (content_left_ > 0 || EndContent());
}

bool ClientHelloParser::EndContent() {
  switch (field_) {
    case Field::kVersion:
      return StartContent(Field::kRandom,
                          static_cast<std::uint32_t>(random_.size()));
    case Field::kRandom:
      return Next(Field::kSessionLength);
    case Field::kSession:
      return Next(Field::kCipherSuitesLength);
    case Field::kCipherSuites:
      return Next(Field::kCompressionsLength);
    case Field::kCompressions:
      return Next(Field::kExtensionsLength);
    case Field::kExtensionData:
      return Next(Field::kExtensionType);
    case Field::kName:
      server_name_.FinishHost();
      return NextItem(Field::kNameType);
    case Field::kOtherName:
      return NextItem(Field::kNameType);
    case Field::kAlpn:
      saw_alpn_ = true;
      alpn_offers_ |= alpn_candidates_;
      return NextItem(Field::kAlpnLength);
    default:
      return false;
  }
}

bool ClientHelloParser::Next(Field field) {
  field_ = field;
  return true;
}

bool ClientHelloParser::NextItem(Field field) {
  return Next(extension_left_ > 0 ? field : Field::kExtensionType);
}

// Counts bytes down in whatever encloses them; false if they are too many.
bool ClientHelloParser::Advance(std::size_t size) {
  if (field_ <= Field::kMessageLength) return true;
  if (size > message_left_) return false;
  message_left_ -= static_cast<std::uint32_t>(size);
  if (field_ < Field::kExtensionData) return true;
  if (size > extension_left_) return false;
  extension_left_ -= static_cast<std::uint32_t>(size);
  return true;
}

bool ClientHelloParser::StartAlpn(std::uint32_t size) {
  alpn_at_ = 0;
  alpn_candidates_ = size == kHttp1Alpn.size()   ? kOffersHttp1
                     : size == kHttp2Alpn.size() ? kOffersHttp2
                                                 : kOffersOther;
  return StartContent(Field::kAlpn, size);
}

void ClientHelloParser::MatchAlpn(Bytes part) {
  const auto matches = [this](std::string_view name, std::uint8_t byte) {
    return static_cast<std::uint8_t>(name[alpn_at_]) == byte;
  };
  for (const std::uint8_t byte : part) {
    if (alpn_candidates_ == kOffersOther) return;
    if (alpn_candidates_ == kOffersHttp1) {
      if (!matches(kHttp1Alpn, byte)) alpn_candidates_ = kOffersOther;
    } else if (!matches(kHttp2Alpn, byte)) {
      // They differ in their last byte.
      alpn_candidates_ =
          matches(kHttp3Alpn, byte) ? kOffersHttp3 : kOffersOther;
    }
    ++alpn_at_;
  }
}

void ClientHelloParser::KeepAlpn(Bytes part) {
  for (std::uint8_t byte : part) {
    if (alpn_length_ > kMaxAlpnLength) return;
    if (alpn_length_ < kMaxAlpnLength) {
      alpn_[alpn_length_] = static_cast<char>(byte);
    }
    ++alpn_length_;
  }
}

// A message may end before its extensions or after any of them.
bool ClientHelloParser::BetweenFields() const {
  return number_bytes_ == 0 && (field_ == Field::kExtensionsLength ||
                                field_ == Field::kExtensionType);
}

}  // namespace proxymeter::protocol
