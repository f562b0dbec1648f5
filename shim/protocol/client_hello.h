// The first message of a TLS client.
#ifndef PROXYMETER_SHIM_PROTOCOL_CLIENT_HELLO_H_
#define PROXYMETER_SHIM_PROTOCOL_CLIENT_HELLO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxymeter/tls_session.h"
#include "shim/protocol/bytes.h"
#include "shim/protocol/host_name.h"

namespace proxymeter::protocol {

/// What a client offers by ALPN (RFC 7301): a set of these.
enum AlpnOffer : std::uint8_t {
  kOffersHttp1 = 1,
  kOffersHttp2 = 2,
  kOffersOther = 4,
  kOffersHttp3 = 8,
};

/// What is spoken where the server takes up an offer without telling: the only
/// one, or kHidden.
constexpr Alpn AlpnOf(std::uint8_t offers) {
  switch (offers) {
    case 0:
      return Alpn::kNone;
    case kOffersHttp1:
      return Alpn::kHttp1;
    case kOffersHttp2:
      return Alpn::kHttp2;
    case kOffersHttp3:
      return Alpn::kHttp3;
    case kOffersOther:
      return Alpn::kOther;
    default:
      return Alpn::kHidden;
  }
}

/// Reads a ClientHello (RFC 8446, 4.1.2) at the start of a byte stream: its
/// random, server name (RFC 6066, 3) and application protocols (RFC 7301). It
/// may come in any number of TLS records and writes.
class ClientHelloParser {
 public:
  enum class Status : std::uint8_t { kNeedMore, kDone, kNotTls };

  void Reset();

  /// Looks at all bytes until the message is complete; then the status sticks.
  /// kNotTls comes with the first byte that no well-formed ClientHello of at
  /// most 64 KiB has there.
  Status Consume(Bytes data);

  // Valid at kDone.
  std::span<const std::uint8_t, 32> random() const { return random_; }
  /// Empty without a server name.
  const HostName& server_name() const { return server_name_; }
  /// The server name may be that of another, which many hide behind: there is
  /// an encrypted ClientHello inside, or what shall look like one (RFC 9849).
  bool may_hide_another() const { return may_hide_another_; }
  /// Of AlpnOffer.
  std::uint8_t alpn_offers() const { return alpn_offers_; }
  /// Empty if none was offered or it is longer than 16 bytes.
  std::string_view first_alpn() const {
    return {alpn_.data(), alpn_length_ <= kMaxAlpnLength ? alpn_length_ : 0u};
  }

 private:
  static constexpr std::size_t kMaxAlpnLength = 16;

  enum class Record : std::uint8_t {
    kType,
    kMajorVersion,
    kMinorVersion,
    kLengthHigh,
    kLengthLow,
    kData,
  };

  // What comes next, in the message's order: a number or a run of bytes. All
  // from kExtensionData on lie inside an extension.
  enum class Field : std::uint8_t {
    kMessageType,
    kMessageLength,
    kVersion,
    kRandom,
    kSessionLength,
    kSession,
    kCipherSuitesLength,
    kCipherSuites,
    kCompressionsLength,
    kCompressions,
    kExtensionsLength,
    kExtensionType,
    kExtensionLength,
    kExtensionData,
    kNameListLength,
    kNameType,
    kNameLength,
    kName,
    kOtherName,
    kAlpnListLength,
    kAlpnLength,
    kAlpn,
  };

  static std::uint8_t NumberSize(Field field);

  bool TakeRecordHeader(std::uint8_t byte);
  bool TakeMessage(Bytes fragment);
  bool TakeNumber(std::uint8_t byte);
  bool EndNumber(std::uint32_t number);
  bool StartExtension(std::uint32_t size);
  bool StartContent(Field field, std::uint32_t size);
  bool TakeContent(Bytes content);
  bool EndContent();
  bool Next(Field field);
  bool NextItem(Field field);
  bool Advance(std::size_t size);
  void KeepAlpn(Bytes part);
  bool StartAlpn(std::uint32_t size);
  void MatchAlpn(Bytes part);
  bool BetweenFields() const;

  std::uint32_t number_ = 0;
  std::uint32_t message_left_ = 0;
  std::uint32_t content_left_ = 0;
  std::uint32_t extension_left_ = 0;
  std::uint16_t record_left_ = 0;
  std::uint16_t extension_type_ = 0;
  std::uint8_t number_bytes_ = 0;
  std::uint8_t alpn_length_ = 0;  // kMaxAlpnLength + 1: too long
  bool name_is_host_ = false;
  bool saw_alpn_ = false;
  bool may_hide_another_ = false;
  std::uint8_t alpn_offers_ = 0;
  std::uint8_t alpn_candidates_ = 0;  // what the name is, as far as it has come
  std::uint8_t alpn_at_ = 0;
  Record record_ = Record::kType;
  Field field_ = Field::kMessageType;
  Status status_ = Status::kNeedMore;
  std::array<std::uint8_t, 32> random_{};
  std::array<char, kMaxAlpnLength> alpn_{};
  HostName server_name_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_CLIENT_HELLO_H_
