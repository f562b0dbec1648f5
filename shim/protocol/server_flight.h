// What a TLS server says, from outside.
#ifndef PROXYMETER_SHIM_PROTOCOL_SERVER_FLIGHT_H_
#define PROXYMETER_SHIM_PROTOCOL_SERVER_FLIGHT_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/server_hello.h"
#include "shim/protocol/tls_records.h"

namespace proxymeter::protocol {

/// Reads the records of a TLS server from its first one on: its hello, then
/// headers alone.
class ServerFlight {
 public:
  enum class Event : std::uint8_t {
    kNone,   ///< all bytes are taken
    kHello,  ///< hello() is complete
    /// A record of type data has begun, of length(). In TLS 1.3 the rest of the
    /// handshake, and tickets after it, have that type too.
    kData,
    kLost,  ///< no records (any more); all bytes are taken, for ever
  };

  /// Takes bytes off the front of `data` until something happens.
  Event Consume(Bytes* data);

  /// As TlsRecords::Skip; false before the hello is known.
  bool Skip(std::size_t size) { return has_hello_ && records_.Skip(size); }
  std::uint16_t length() const { return records_.length(); }
  /// True when a message may have ended with the bytes so far: with a record,
  /// and one that could have been longer.
  bool may_have_ended() const {
    return records_.between_records() && length() < kFullRecord;
  }
  const ServerHelloParser& hello() const { return hello_; }

 private:
  static constexpr std::uint16_t kFullRecord = 1 << 14;

  TlsRecords records_;
  bool has_hello_ = false;
  bool lost_ = false;
  ServerHelloParser hello_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_SERVER_FLIGHT_H_
