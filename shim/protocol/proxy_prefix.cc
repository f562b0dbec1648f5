#include "shim/protocol/proxy_prefix.h"

#include <algorithm>
#include <string_view>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::string_view kUnknown = "UNKNOWN";
constexpr std::string_view kText = "PROXY ";
constexpr std::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
// Of the line, its end included.
constexpr std::size_t kMaxLine = 107;
constexpr std::uint32_t kMaxPort = 65535;
// Family, source, destination, their ports.
constexpr std::uint8_t kFields = 5;
constexpr std::uint8_t kFirstPort = 3;
constexpr std::uint8_t kMaxPortDigits = 5;

std::string_view Signature(bool binary) { return binary ? kBinary : kText; }

// The letters of a word of at most four.
constexpr std::uint32_t Word(std::string_view text) {
  std::uint32_t word = 0;
  for (const char c : text) word = word << 8 | static_cast<std::uint8_t>(c);
  return word;
}

// Bytes of addresses of an address family; 0 where none are needed.
std::uint8_t AddressBytes(std::uint8_t family) {
  switch (family) {
    case 1:
      return 12;
    case 2:
      return 36;
    case 3:
      return 216;
    default:
      return 0;
  }
}

bool IsHex(std::uint8_t c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

Bytes ProxyPrefixParser::seen() const {
  return {reinterpret_cast<const std::uint8_t*>(Signature(binary_).data()),
          size_};
}

ProxyPrefixParser::Step ProxyPrefixParser::Consume(Bytes data) {
  if (over_ != Event::kNone) return {0, over_};
  const Step step = TakeAll(data);
  over_ = step.event;
  return step;
}

ProxyPrefixParser::Step ProxyPrefixParser::TakeAll(Bytes data) {
  std::size_t at = 0;
  while (at < data.size()) {
    if (phase_ == Phase::kAddresses) {
      const std::size_t part = std::min<std::size_t>(left_, data.size() - at);
      left_ -= static_cast<std::uint32_t>(part);
      return {at + part, left_ == 0 ? Event::kEnd : Event::kNone};
    }
    const Event event = Take(data[at]);
    // What it broke at is not taken.
    if (event == Event::kAbsent || event == Event::kMalformed) {
      return {at, event};
    }
    ++at;
    if (event == Event::kEnd) return {at, event};
  }
  return {at, Event::kNone};
}

ProxyPrefixParser::Event ProxyPrefixParser::Take(std::uint8_t byte) {
  switch (phase_) {
    case Phase::kSignature:
      break;
    case Phase::kText:
      return TakeText(byte);
    case Phase::kHeader:
      return TakeHeader(byte);
    case Phase::kAddresses:
      return Event::kMalformed;
  }
  if (size_ == 0) binary_ = byte != static_cast<std::uint8_t>(kText.front());
  const std::string_view signature = Signature(binary_);
  if (byte != static_cast<std::uint8_t>(signature[size_])) {
    return Event::kAbsent;
  }
  if (++size_ == signature.size()) {
    phase_ = binary_ ? Phase::kHeader : Phase::kText;
  }
  return Event::kNone;
}

ProxyPrefixParser::Event ProxyPrefixParser::TakeText(std::uint8_t byte) {
  ++size_;
  if (field_ == kFields) {
    return byte == '\n' ? Event::kEnd : Event::kMalformed;
  }
  // One byte is left for the line's end.
  if (size_ >= kMaxLine) return Event::kMalformed;
  if (byte == ' ' || byte == '\r') {
    if (!EndField()) return Event::kMalformed;
    if (byte == '\r') {
      // Behind UNKNOWN anything may stand.
      const bool whole = field_ == kFields || family_ == Family::kUnknown;
      field_ = kFields;
      return whole ? Event::kNone : Event::kMalformed;
    }
    return field_ < kFields ? Event::kNone : Event::kMalformed;
  }
  ++field_size_;
  if (field_ == 0) {
    value_ = value_ << 8 | byte;
    return field_size_ <= kUnknown.size() ? Event::kNone : Event::kMalformed;
  }
  if (family_ == Family::kUnknown) return Event::kNone;
  if (field_ < kFirstPort) {
    const bool good =
        IsHex(byte) || byte == '.' || (byte == ':' && family_ == Family::kIpv6);
    return good ? Event::kNone : Event::kMalformed;
  }
  if (!IsDigit(byte) || field_size_ > kMaxPortDigits) return Event::kMalformed;
  value_ = value_ * 10 + (byte - '0');
  return Event::kNone;
}

bool ProxyPrefixParser::EndField() {
  const std::uint8_t size = field_size_;
  field_size_ = 0;
  if (field_ == 0) {
    if (size == 4 && value_ == Word("TCP4")) {
      family_ = Family::kIpv4;
    } else if (size == 4 && value_ == Word("TCP6")) {
      family_ = Family::kIpv6;
    } else if (size != kUnknown.size() || value_ != Word("NOWN")) {
      return false;  // of UNKNOWN the last letters tell enough
    }
  } else if (family_ == Family::kUnknown) {
    return true;  // to the end of the line
  } else if (size == 0 || (field_ >= kFirstPort && value_ > kMaxPort)) {
    return false;
  }
  value_ = 0;
  ++field_;
  return true;
}

ProxyPrefixParser::Event ProxyPrefixParser::TakeHeader(std::uint8_t byte) {
  switch (size_++) {
    case 12:
      command_ = byte & 0xf;
      return byte >> 4 == 2 && command_ <= 1 ? Event::kNone : Event::kMalformed;
    case 13:
      // The addresses of a connection of the proxy's own are to be ignored.
      least_ = command_ == 1 ? AddressBytes(byte >> 4) : 0;
      return byte >> 4 <= 3 && (byte & 0xf) <= 2 ? Event::kNone
                                                 : Event::kMalformed;
    case 14:
      left_ = byte;
      return Event::kNone;
    default:
      break;
  }
  left_ = left_ << 8 | byte;
  if (left_ < least_) return Event::kMalformed;
  if (left_ == 0) return Event::kEnd;
  phase_ = Phase::kAddresses;
  return Event::kNone;
}

}  // namespace proxymeter::protocol
