// HTTP/1 responses, as the server or proxy sends them.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP1_RESPONSE_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP1_RESPONSE_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/http1.h"
#include "shim/protocol/http1_body.h"
#include "shim/protocol/http1_fields.h"
#include "shim/protocol/proxy_reply.h"

namespace proxymeter::protocol {

/// Follows the responses on one connection (RFC 9112): their status, and where
/// each head and each body ends. Pull style, as Http1RequestParser.
class Http1ResponseParser {
 public:
  /// True if `size` bytes went by inside a body and more of it is to come:
  /// what Consume would find, without looking at them.
  bool Skip(std::size_t size) { return body_.Skip(size); }

  void Reset();

  /// `request` is the method of the request that this response answers; it
  /// counts when a head completes.
  ///
  /// kInformational: an interim head (1xx but 101) is complete; the message
  /// goes on. kHead: the final head is. kMessageEnd: the body is, at once after
  /// HEAD, 204, 304, 101 and a 2xx to CONNECT. A body that only the
  /// connection's end ends gives kNone for ever. kLost: as in
  /// Http1RequestParser.
  Http1Step Consume(Bytes data, Method request) {
    if (Skip(data.size())) return {data.size(), Http1Event::kNone};
    return ConsumeFraming(data, request);
  }

  /// True from Reset, kInformational or kMessageEnd until kHead.
  bool in_head() const {
    return phase_ == Phase::kStartLine || phase_ == Phase::kFields;
  }
  /// Valid from kHead or kInformational until the next head's first byte.
  int status() const { return status_; }
  bool lost() const { return phase_ == Phase::kLost; }
  /// Valid as status().
  const ProxyWords& words() const { return words_; }
  bool upgrades_to_websocket() const {
    return status_ == 101 && fields_.websocket();
  }
  bool upgrades_to_h2c() const { return status_ == 101 && fields_.h2c(); }
  /// True in a body that only the connection's end ends.
  bool until_close() const { return until_close_; }

 private:
  enum class Phase : std::uint8_t { kStartLine, kFields, kBody, kLost };
  enum class State : std::uint8_t {
    kBlank,
    kVersion,
    kMinorVersion,
    kSpace,
    kStatus,
    kStatusEnd,
    kReason,
  };

  Http1Step ConsumeFraming(Bytes data, Method request);
  Http1Step ConsumeFields(Bytes data, std::size_t used, Method request);
  Http1Step ConsumeBody(Bytes data);
  bool TakeStartLine(std::uint8_t byte);
  bool TakeStatus(std::uint8_t byte);
  void TakeReason(std::uint8_t byte);
  void StartMessage();
  Http1Event EndHead(Method request);
  bool HasNoBody(Method request) const;
  void StartBody();
  Http1Step Lose(std::size_t consumed);

  Http1Body body_;
  Http1Fields fields_;
  ProxyWords words_;
  std::uint16_t status_ = 0;
  std::uint8_t matched_ = 0;  // bytes of the version, later of the status
  Phase phase_ = Phase::kStartLine;
  State state_ = State::kBlank;
  bool until_close_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP1_RESPONSE_H_
