// The body of an HTTP/1 message: only its end matters.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP1_BODY_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP1_BODY_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Finds the end of a body of known length, chunked (RFC 9112, 7.1) or open
/// until the connection closes.
class Http1Body {
 public:
  enum class Status : std::uint8_t { kNeedMore, kEnd, kLost };

  struct Step {
    std::size_t consumed;
    Status status;
  };

  void Reset() { remaining_ = 0; }
  void StartLength(std::uint64_t length);
  void StartChunked();
  void StartUntilClose();

  /// The way of nearly all bytes of nearly all connections: true if `size`
  /// bytes of body went by and more are to come. Otherwise nothing happened.
  bool Skip(std::size_t size) {
    if (remaining_ <= size) return false;
    remaining_ -= size;
    return true;
  }

  /// Consumes up to and including the last byte of the body. kLost: a chunk
  /// size that is none or has more than 16 digits, or data that outgrows it.
  Step Consume(Bytes data);

 private:
  enum class State : std::uint8_t {
    kLength,
    kUntilClose,
    kSize,
    kExtension,
    kSizeLf,
    kChunk,
    kChunkEnd,
    kChunkLf,
    kTrailerStart,
    kTrailerLine,
    kLastLf,
    kEnd,
  };

  bool TakeFraming(std::uint8_t byte);
  bool TakeSize(std::uint8_t byte);
  void StartChunk();
  void StartSize();

  // Not zero only while the bytes to come are content.
  std::uint64_t remaining_ = 0;
  std::uint64_t size_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::kEnd;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP1_BODY_H_
