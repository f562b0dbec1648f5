// The records of a TLS stream, from outside: headers are read, content is not.
#ifndef PROXYMETER_SHIM_PROTOCOL_TLS_RECORDS_H_
#define PROXYMETER_SHIM_PROTOCOL_TLS_RECORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// RFC 8446, 5.1 (RFC 5246, 6.2.1 has the same).
enum class TlsContent : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kData = 23,  ///< of TLS 1.3: whatever is encrypted
  kHeartbeat = 24,
};

/// Splits one direction of a TLS stream into records, in pieces of any size.
class TlsRecords {
 public:
  /// Takes bytes off the front of `data`, what is left of the record before
  /// first, up to the end of the next header. True when that is complete:
  /// content() and length() are its. False when `data` is used up, or from the
  /// first byte on that is in no header: all is taken then.
  bool Next(Bytes* data);

  /// Takes what there is of the record's content off the front of `data`.
  Bytes TakeContent(Bytes* data);

  /// `size` bytes went by that nobody saw. False, and lost, unless they are of
  /// the record that has begun.
  bool Skip(std::size_t size);

  TlsContent content() const { return static_cast<TlsContent>(header_[0]); }
  /// Bytes behind the header, at most 2^14 + 2048.
  std::uint16_t length() const {
    return static_cast<std::uint16_t>(header_[3] << 8 | header_[4]);
  }
  bool lost() const { return lost_; }
  /// True when nothing of a record has come, or all of it.
  bool between_records() const { return left_ == 0 && header_size_ == 0; }

 private:
  bool IsHeader() const;

  std::array<std::uint8_t, 5> header_{};
  std::uint8_t header_size_ = 0;  // of the next one, as far as it has come
  bool lost_ = false;
  std::uint16_t left_ = 0;  // bytes of the record that are yet to come
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_TLS_RECORDS_H_
