#include "shim/protocol/tls_turns.h"

namespace proxymeter::protocol {
namespace {

// What TLS 1.3 sends in such records itself; Java pads it.
constexpr std::size_t kAlert = 2;
constexpr std::size_t kKeyUpdate = 5;
constexpr std::size_t kPadding = 16;
constexpr std::size_t kMessageHeader = 4;
// "GET / HTTP/1.0", the shortest head there is, is one longer.
constexpr std::size_t kMostBeforeHttp1Request = 17;
// "HTTP/1.1 100 Continue" and its empty line: no final head is as short.
constexpr std::size_t kInterimResponse = 25;

// HTTP/2 (RFC 9113).
constexpr std::size_t kPreface = 24;
constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kSetting = 6;
constexpr std::size_t kWindowUpdate = kFrameHeader + 4;
constexpr std::size_t kPing = kFrameHeader + 8;
constexpr std::size_t kPriority = kFrameHeader + 5;
constexpr std::size_t kMostSettings = 8;
// A server begins with settings, a bigger window and an acknowledgement, in
// this many records at most, tickets among them.
constexpr std::size_t kMostOfServerPreface =
    kFrameHeader + kMostSettings * kSetting + kWindowUpdate + kFrameHeader;
constexpr std::uint8_t kServerPrefaceRecords = 4;
// A header block that most requests fit into; the body of few is as small.
constexpr std::size_t kMostHeaders = 1024;

// Tickets come first: two of one size, or one (RFC 8446, 4.6.1).
constexpr std::uint8_t kTickets = 2;
constexpr std::size_t kLeastTicket = 40;
constexpr std::size_t kMostTicket = 1500;

constexpr std::size_t Less(std::size_t length, std::size_t overhead) {
  return length > overhead ? length - overhead : 0;
}

constexpr bool IsBetween(std::uint16_t suite, unsigned first, unsigned last) {
  return suite >= first && suite <= last;
}

constexpr bool IsGcm(std::uint16_t suite) {  // RFC 5288, 5289, 5487
  return IsBetween(suite, 0x009c, 0x00ad) || IsBetween(suite, 0xc02b, 0xc032);
}
constexpr bool IsCcm(std::uint16_t suite) {  // RFC 6655, 7251
  return IsBetween(suite, 0xc09c, 0xc0af);
}
constexpr bool IsChaCha(std::uint16_t suite) {  // RFC 7905
  return IsBetween(suite, 0xcca8, 0xccae);
}
// The tag is of 8 bytes, not 16: two of each four are.
constexpr bool IsCcm8(std::uint16_t suite) {
  return IsBetween(suite, 0xc0a0, 0xc0a3) || IsBetween(suite, 0xc0a8, 0xc0ab) ||
         IsBetween(suite, 0xc0ae, 0xc0af);
}

bool IsOfTlsItself(std::size_t size, TlsVersion version, std::size_t padding) {
  if (size == 0) return true;
  return version == TlsVersion::kTls13 &&
         (size == kAlert + padding || size == kKeyUpdate + padding);
}

// Settings acknowledged, streams reset or given priority, windows moved, pings:
// one of them, or what is often sent together.
bool IsHttp2ByTheWay(std::size_t size) {
  return size == kFrameHeader || size == kWindowUpdate || size == kPing ||
         size == kPriority || size == kFrameHeader + kWindowUpdate ||
         size == 2 * kWindowUpdate || size == 3 * kWindowUpdate;
}

// Settings, perhaps with a bigger window, and nothing else.
bool IsHttp2Settings(std::size_t size) {
  for (const std::size_t more : {kFrameHeader, kFrameHeader + kWindowUpdate}) {
    if (size >= more && (size - more) % kSetting == 0 &&
        (size - more) / kSetting <= kMostSettings) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::size_t TlsPlaintextSize(TlsVersion version, std::uint16_t suite,
                             std::size_t length) {
  constexpr std::size_t kTag = 16, kShortTag = 8, kNonce = 8, kType = 1;
  constexpr std::size_t kBlock = 16, kLeastMac = 20, kPaddingLength = 1;
  if (version == TlsVersion::kTls13) {
    return Less(length, kType + (suite == 0x1305 ? kShortTag : kTag));
  }
  if (IsChaCha(suite)) return Less(length, kTag);
  if (IsGcm(suite)) return Less(length, kNonce + kTag);
  if (IsCcm(suite)) {
    return Less(length, kNonce + (IsCcm8(suite) ? kShortTag : kTag));
  }
  const std::size_t vector = version == TlsVersion::kTls10 ? 0 : kBlock;
  return Less(length, vector + kLeastMac + kPaddingLength);
}

void ClientTurns::Finished(std::size_t size, std::uint16_t cipher_suite) {
  const std::size_t hash = cipher_suite == 0x1302 ? 48 : 32;
  pads_ = size == kMessageHeader + hash + kPadding;
}

bool ClientTurns::Begins(std::size_t size, bool answered, TlsVersion version,
                         IsHttp2 is_http2) {
  const bool first = !begun_;
  begun_ = true;
  if (IsOfTlsItself(size, version, pads_ ? kPadding : 0)) return false;
  if (is_http2 == IsHttp2::kNo) {
    if (size <= kMostBeforeHttp1Request) return false;
  } else {
    if (IsHttp2ByTheWay(size)) return false;
    if (first && size > kPreface && IsHttp2Settings(size - kPreface)) {
      preface_ = true;
      return false;
    }
    const bool may_be_body = in_body_ && !answered;
    in_body_ = size > kMostHeaders || may_be_body;
    if ((preface_ || is_http2 == IsHttp2::kYes) && !in_body_) answered = true;
  }
  if (requested_ && !answered) return false;
  requested_ = true;
  return true;
}

bool ServerTurns::Answers(std::size_t size, TlsVersion version,
                          IsHttp2 is_http2) {
  const std::uint8_t number = records_;
  if (records_ < kServerPrefaceRecords) ++records_;
  if (number == 0) first_size_ = size;
  if (IsOfTlsItself(size, version, 0)) return false;
  if (is_http2 == IsHttp2::kNo) {
    return size > kInterimResponse && !IsTicket(size, number, version);
  }
  if (number < kServerPrefaceRecords && size <= kMostOfServerPreface) {
    began_as_http2_ = began_as_http2_ || IsHttp2Settings(size);
    return false;
  }
  return !IsHttp2ByTheWay(size) && !IsTicket(size, number, version);
}

bool ServerTurns::IsTicket(std::size_t size, std::uint8_t number,
                           TlsVersion version) const {
  return version == TlsVersion::kTls13 && number < kTickets &&
         size == first_size_ && size >= kLeastTicket && size <= kMostTicket;
}

}  // namespace proxymeter::protocol
