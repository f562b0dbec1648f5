// Where a TLS client's handshake ends and its data begins, from outside.
#ifndef PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_
#define PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/tls_records.h"

namespace proxymeter::protocol {

/// Reads the records of a TLS client, from its first hello on. TLS 1.3 gives
/// the last messages of the handshake the type of data: what ends them,
/// Finished, is told by its length.
class ClientFlight {
 public:
  enum class Event : std::uint8_t {
    kNone,      ///< all bytes are taken
    kFinished,  ///< what ends the handshake has begun
    kData,      ///< a record of application data has begun, of length()
    kLost,      ///< no records (any more); all bytes are taken, for ever
  };

  void Reset() { *this = {}; }

  /// Takes bytes off the front of `data` until something happens. Without
  /// Finished there is no data: certificates that share its record hide it.
  Event Consume(Bytes* data);

  /// As TlsRecords::Skip.
  bool Skip(std::size_t size) { return records_.Skip(size); }
  std::uint16_t length() const { return records_.length(); }

 private:
  TlsRecords records_;
  bool ciphers_changed_ = false;
  bool finished_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_
