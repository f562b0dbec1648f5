#include "shim/protocol/server_flight.h"

namespace proxymeter::protocol {

ServerFlight::Event ServerFlight::Consume(Bytes* data) {
  while (!lost_) {
    if (!has_hello_ && records_.content() == TlsContent::kHandshake) {
      const auto status = hello_.Consume(records_.TakeContent(data));
      has_hello_ = status == ServerHelloParser::Status::kDone;
      if (has_hello_) return Event::kHello;
      lost_ = status == ServerHelloParser::Status::kLost;
    }
    if (lost_ || !records_.Next(data)) break;
    if (records_.content() != TlsContent::kData) continue;
    if (has_hello_) return Event::kData;
    lost_ = true;
  }
  lost_ = lost_ || records_.lost();
  *data = {};
  return lost_ ? Event::kLost : Event::kNone;
}

}  // namespace proxymeter::protocol
