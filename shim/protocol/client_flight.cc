#include "shim/protocol/client_flight.h"

#include <algorithm>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20;
constexpr std::uint8_t kAlert = 21;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kApplicationData = 23;

// Every hello that can speak of TLS 1.3 is longer, every encrypted Finished of
// TLS 1.2 shorter: behind ChangeCipherSpec comes the one or the other.
constexpr std::size_t kLeastHello = 112;

// A hash of 32 or 48 bytes, 4 of message header, 1 of content type, and a tag
// of 16 bytes (8 with CCM_8).
constexpr bool IsFinished(std::size_t length) {
  for (const std::size_t hash : {32, 48}) {
    for (const std::size_t tag : {16, 8}) {
      if (length == hash + 4 + 1 + tag) return true;
    }
  }
  return false;
}

}  // namespace

bool ClientFlight::Consume(Bytes data) {
  while (!data.empty() && !data_ && !lost_) {
    if (left_ != 0) {
      const std::size_t step = std::min<std::size_t>(left_, data.size());
      left_ = static_cast<std::uint16_t>(left_ - step);
      data = data.subspan(step);
      continue;
    }
    header_[header_size_++] = data.front();
    data = data.subspan(1);
    if (header_size_ == kHeaderSize) OnHeader();
  }
  return data_;
}

void ClientFlight::OnHeader() {
  header_size_ = 0;
  const std::size_t length = header_[3] * 256u + header_[4];
  left_ = static_cast<std::uint16_t>(length);
  switch (header_[0]) {
    case kChangeCipherSpec:
      ciphers_changed_ = true;
      return;
    case kAlert:
      return;
    case kHandshake:
      finished_ = ciphers_changed_ && length < kLeastHello;
      return;
    case kApplicationData:
      data_ = finished_;
      finished_ = IsFinished(length);
      return;
    default:
      lost_ = true;
  }
}

}  // namespace proxymeter::protocol
