// The header section of an HTTP/1 message, read as it streams by.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP1_FIELDS_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP1_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shim/protocol/bytes.h"
#include "shim/protocol/host_name.h"
#include "shim/protocol/proxy_credentials.h"
#include "shim/protocol/proxy_reply.h"

namespace proxymeter::protocol {

/// Reads field lines (RFC 9112, 5) up to the empty line and keeps what frames
/// the body, and the host. Lines of any length pass; nothing else is stored.
///
/// Lenient where a wrong guess cannot move the end of the message: bare LF
/// ends a line, lines without a colon are skipped, white space before the
/// colon is ignored, a folded line continues the value before it.
class Http1Fields {
 public:
  enum class Status : std::uint8_t { kNeedMore, kEnd, kLost };

  /// By the last transfer coding. "identity" is none (RFC 2616, 3.6).
  enum class Coding : std::uint8_t { kNone, kChunked, kOther };

  struct Step {
    std::size_t consumed;
    Status status;
  };

  /// To be called before each header section.
  void Reset();

  /// Consumes up to and including the empty line. `host` takes the first Host
  /// line unless it already holds a name; null where Host means nothing.
  /// `words`, if given, takes what a proxy says of itself, `credentials` what
  /// its client does. They must be the same for all of one section. kLost:
  /// Content-Length is no number, exceeds 64 bits or contradicts itself, or a
  /// control character stands in a field name.
  Step Consume(Bytes data, HostName* host, ProxyWords* words = nullptr,
               ProxyCredentials* credentials = nullptr);

  Coding coding() const { return coding_; }
  /// Upgrade names WebSocket (RFC 6455, 4.2.2), and it alone.
  bool websocket() const { return upgrade_ == Upgrade::kWebSocket; }
  /// Upgrade names HTTP/2 in clear (RFC 7540, 3.2), and it alone.
  bool h2c() const { return upgrade_ == Upgrade::kH2c; }
  /// The client asks whether the body is wanted (RFC 9110, 10.1.1).
  bool expects() const { return expects_; }
  bool has_length() const { return has_length_; }
  std::uint64_t length() const { return length_; }

 private:
  enum class State : std::uint8_t {
    kLineStart,
    kName,
    kNameEnd,
    kValue,
    kLastLf,
    kEnd,
  };
  enum class Field : std::uint8_t {
    kOther,
    kHost,
    kLength,
    kCoding,
    kUpgrade,
    kWords,
    kAuthorization,
    kVendor,
  };
  enum class Upgrade : std::uint8_t { kOther, kWebSocket, kH2c };
  struct Into {
    HostName* host;
    ProxyWords* words;
    ProxyCredentials* credentials;
  };

  static constexpr std::size_t kTokenCapacity = 21;  // "x-luminati-error-code"

  bool Take(std::uint8_t byte, const Into& into);
  bool TakeLineStart(std::uint8_t byte, const Into& into);
  bool TakeName(std::uint8_t byte, const Into& into);
  void TakeNameEnd(std::uint8_t byte, const Into& into);
  bool TakeValue(std::uint8_t byte, const Into& into);
  bool TakeLengthByte(std::uint8_t byte);
  void TakeCodingByte(std::uint8_t byte);
  void StartValue(const Into& into);
  void SkipLine();
  void AppendToken(std::uint8_t byte);
  std::string_view token() const;
  bool CommitValue(HostName* host);
  bool CommitLength();
  void CommitCoding();

  std::uint64_t value_ = 0;
  std::uint64_t length_ = 0;
  std::array<char, kTokenCapacity> token_{};
  std::uint8_t token_length_ = 0;  // kTokenCapacity + 1: too long
  State state_ = State::kLineStart;
  Field field_ = Field::kOther;
  Coding coding_ = Coding::kNone;
  bool has_length_ = false;
  bool expects_ = false;
  Upgrade upgrade_ = Upgrade::kOther;
  bool started_ = false;  // the value's current element has bytes
  bool gap_ = false;      // and white space came after them
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP1_FIELDS_H_
