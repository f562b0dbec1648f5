// Frames of counters, in the protobuf of proto/proxymeter/v1/frame.proto.
#ifndef PROXYMETER_SHIM_UPLINK_FRAME_ENCODER_H_
#define PROXYMETER_SHIM_UPLINK_FRAME_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "proxymeter/journal.h"

namespace proxymeter::shim {

using CounterValues = std::uint64_t[kRowCounters];

/// Fills one frame after another in a buffer of the caller's. Never allocates.
class FrameEncoder {
 public:
  explicit FrameEncoder(std::span<std::uint8_t> buffer) : buffer_(buffer) {}

  /// Starts a frame for the journal with this header. False when the buffer is
  /// too small even for that.
  bool Begin(const JournalHeader& header, bool has_journal);

  /// Appends a published row with the counter values given. False, with the
  /// frame as it was, when it does not fit.
  bool Append(std::uint32_t index, const JournalRow& row,
              const CounterValues& counters);

  std::span<const std::uint8_t> frame() const { return buffer_.first(size_); }

 private:
  std::span<std::uint8_t> buffer_;
  std::size_t size_ = 0;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_UPLINK_FRAME_ENCODER_H_
