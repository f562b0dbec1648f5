#include "shim/protocol/http1_body.h"

#include <algorithm>
#include <limits>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kMaxSizeDigits = 16;

}  // namespace

void Http1Body::StartLength(std::uint64_t length) {
  remaining_ = length;
  state_ = State::kLength;
}

void Http1Body::StartChunked() { StartSize(); }

void Http1Body::StartUntilClose() {
  remaining_ = std::numeric_limits<std::uint64_t>::max();
  state_ = State::kUntilClose;
}

Http1Body::Step Http1Body::Consume(Bytes data) {
  if (state_ == State::kUntilClose) {
    StartUntilClose();
    return {data.size(), Status::kNeedMore};
  }
  std::size_t at = 0;
  while (true) {
    if (state_ == State::kLength || state_ == State::kChunk) {
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>(remaining_, data.size() - at));
      remaining_ -= size;
      at += size;
      if (remaining_ > 0) return {at, Status::kNeedMore};
      state_ = state_ == State::kLength ? State::kEnd : State::kChunkEnd;
    }
    if (state_ == State::kEnd) return {at, Status::kEnd};
    if (at == data.size()) return {at, Status::kNeedMore};
    if (!TakeFraming(data[at])) return {at, Status::kLost};
    ++at;
  }
}

bool Http1Body::TakeFraming(std::uint8_t byte) {
  switch (state_) {
    case State::kSize:
      return TakeSize(byte);
    case State::kExtension:
      if (byte == '\n') StartChunk();
      return true;
    case State::kSizeLf:
      if (byte != '\n') return false;
      StartChunk();
      return true;
    case State::kChunkEnd:
      if (byte == '\r') {
        state_ = State::kChunkLf;
        return true;
      }
      StartSize();
      return byte == '\n';
    case State::kChunkLf:
      StartSize();
      return byte == '\n';
    case State::kTrailerStart:
      if (byte == '\n') {
        state_ = State::kEnd;
      } else {
        state_ = byte == '\r' ? State::kLastLf : State::kTrailerLine;
      }
      return true;
    case State::kTrailerLine:
      if (byte == '\n') state_ = State::kTrailerStart;
      return true;
    case State::kLastLf:
      state_ = byte == '\n' ? State::kEnd : State::kTrailerLine;
      return true;
    case State::kLength:
    case State::kUntilClose:
    case State::kChunk:
    case State::kEnd:
      break;
  }
  return false;
}

bool Http1Body::TakeSize(std::uint8_t byte) {
  const int digit = HexValue(byte);
  if (digit >= 0) {
    if (digits_ == kMaxSizeDigits) return false;
    ++digits_;
    size_ = size_ * 16 + static_cast<unsigned>(digit);
    return true;
  }
  if (digits_ == 0) return false;
  if (byte == '\n') {
    StartChunk();
  } else if (byte == '\r') {
    state_ = State::kSizeLf;
  } else if (byte == ';' || IsBlank(byte)) {
    state_ = State::kExtension;
  } else {
    return false;
  }
  return true;
}

void Http1Body::StartChunk() {
  remaining_ = size_;
  state_ = size_ == 0 ? State::kTrailerStart : State::kChunk;
}

void Http1Body::StartSize() {
  remaining_ = 0;
  size_ = 0;
  digits_ = 0;
  state_ = State::kSize;
}

}  // namespace proxymeter::protocol
