// The first message of a TLS server.
#ifndef PROXYMETER_SHIM_PROTOCOL_SERVER_HELLO_H_
#define PROXYMETER_SHIM_PROTOCOL_SERVER_HELLO_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxymeter/tls_session.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Reads a ServerHello (RFC 8446, 4.1.3; RFC 5246, 7.4.1.3) at the start of a
/// server's handshake messages. A HelloRetryRequest, which looks like one, is
/// passed over.
class ServerHelloParser {
 public:
  enum class Status : std::uint8_t { kNeedMore, kDone, kLost };

  /// Looks at all bytes, those of records of the handshake, until the message
  /// is complete; then the status sticks.
  Status Consume(Bytes data);

  // Valid at kDone.
  TlsVersion version() const { return version_; }
  std::uint16_t cipher_suite() const { return cipher_suite_; }
  /// What the server says of it in clear: kNone in TLS 1.3.
  Alpn alpn() const { return alpn_; }

 private:
  enum class Field : std::uint8_t {
    kHeader,
    kVersion,
    kRandom,
    kSessionLength,
    kSession,
    kCipherSuite,
    kCompression,
    kExtensionsLength,
    kExtensionHeader,
    kExtension,
  };
  static constexpr std::size_t kKept = 32;

  bool EndField();
  bool Expect(Field field, std::size_t size);
  void EndExtension();
  Status EndMessage();
  unsigned Number(std::size_t at) const {
    return static_cast<unsigned>(kept_[at] << 8 | kept_[at + 1]);
  }
  bool IsRetry() const;

  std::uint32_t message_left_ = 4;
  std::uint32_t field_size_ = 4;
  std::uint32_t field_have_ = 0;
  std::uint16_t extension_ = 0;
  std::uint16_t cipher_suite_ = 0;
  Field field_ = Field::kHeader;
  Status status_ = Status::kNeedMore;
  TlsVersion version_ = TlsVersion::kUnknown;
  Alpn alpn_ = Alpn::kNone;
  bool retry_ = false;                      // this one is a HelloRetryRequest
  bool retried_ = false;                    // there was one before
  std::array<std::uint8_t, kKept> kept_{};  // the front of the field
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_SERVER_HELLO_H_
