#include "shim/protocol/client_flight.h"

namespace proxymeter::protocol {
namespace {

// Every hello that can speak of TLS 1.3 is longer, every encrypted Finished of
// TLS 1.2 shorter: behind ChangeCipherSpec comes the one or the other.
constexpr std::size_t kLeastHello = 112;

// A hash of 32 or 48 bytes, 4 of message header, 1 of content type, and a tag
// of 16 bytes (8 with CCM_8). Java pads its handshake with 16 bytes.
constexpr bool IsFinished(std::size_t length) {
  for (const std::size_t hash : {32, 48}) {
    for (const std::size_t tag : {16, 8}) {
      for (const std::size_t padding : {0, 16}) {
        if (length == hash + 4 + 1 + tag + padding) return true;
      }
    }
  }
  return false;
}

}  // namespace

ClientFlight::Event ClientFlight::Consume(Bytes* data) {
  while (records_.Next(data)) {
    const bool was_finished = finished_;
    switch (records_.content()) {
      case TlsContent::kChangeCipherSpec:
        ciphers_changed_ = true;
        break;
      case TlsContent::kHandshake:
        finished_ = finished_ || (ciphers_changed_ && length() < kLeastHello);
        break;
      case TlsContent::kData:
        if (finished_) return Event::kData;
        finished_ = IsFinished(length());
        break;
      default:
        break;
    }
    if (finished_ && !was_finished) return Event::kFinished;
  }
  return records_.lost() ? Event::kLost : Event::kNone;
}

}  // namespace proxymeter::protocol
