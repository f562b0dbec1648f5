// Where a TLS client's handshake ends and its data begins, from outside.
#ifndef PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_
#define PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Reads record headers (RFC 8446, 5.1) of what a client sends behind its
/// first hello, in pieces of any size. TLS 1.3 gives its last messages of the
/// handshake the type of data: what ends them, Finished, is told by its length.
class ClientFlight {
 public:
  void Reset() { *this = {}; }

  /// True once application data has begun. Never where it cannot be told:
  /// padded records, bytes that are no records.
  bool Consume(Bytes data);

 private:
  static constexpr std::size_t kHeaderSize = 5;

  void OnHeader();

  std::array<std::uint8_t, kHeaderSize> header_{};
  std::uint8_t header_size_ = 0;
  std::uint16_t left_ = 0;  // bytes of the record that are yet to come
  bool ciphers_changed_ = false;
  bool finished_ = false;
  bool data_ = false;
  bool lost_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_CLIENT_FLIGHT_H_
