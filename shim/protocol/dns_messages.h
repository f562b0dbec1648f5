// DNS messages in a stream.
#ifndef PROXYMETER_SHIM_PROTOCOL_DNS_MESSAGES_H_
#define PROXYMETER_SHIM_PROTOCOL_DNS_MESSAGES_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Finds the messages that a DNS server sends over TCP, each behind its length
/// in two bytes (RFC 7766, 8). One that comes whole is handed on where it
/// stands; one that comes in pieces is put together here, unless it is longer
/// than kCapacity: then it is passed over.
class DnsMessages {
 public:
  static constexpr std::size_t kCapacity = 4096;

  /// Takes bytes off the front of `data`, up to the end of the next message,
  /// and returns that one: good until the next call, and as long as `data` is.
  /// Empty when there is none left, and `data` is then empty too.
  Bytes Consume(Bytes* data);

  /// Bytes went by unseen: where a message begins cannot be known any more.
  void Lose() { lost_ = true; }

  /// A new stream.
  void Reset();

 private:
  void Begin();

  std::size_t length_ = 0;
  std::size_t have_ = 0;
  std::uint8_t prefix_ = 0;  // bytes of the length that have come
  bool lost_ = false;
  std::uint8_t buffer_[kCapacity] = {};
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_DNS_MESSAGES_H_
