// HTTP/1 requests, as the client sends them.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP1_REQUEST_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP1_REQUEST_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/host_name.h"
#include "shim/protocol/http1.h"
#include "shim/protocol/http1_body.h"
#include "shim/protocol/http1_fields.h"

namespace proxymeter::protocol {

/// Follows the requests on one connection (RFC 9112): where each head and each
/// body ends, and for which host it is.
///
/// Pull style: call again with what was not consumed, even if that is nothing,
/// until the event is kNone or kLost.
class Http1RequestParser {
 public:
  /// True if `size` bytes went by inside a body and more of it is to come:
  /// what Consume would find, without looking at them.
  bool Skip(std::size_t size) { return body_.Skip(size); }

  void Reset();

  /// Consumes bytes up to and including the next event. kHead: the head's last
  /// byte is the last one consumed. kMessageEnd may consume nothing. kLost:
  /// the parser is lost until Reset; `consumed` says how many bytes it took
  /// before that, and later calls take none.
  /// `credentials`, if given, takes what a head tells the proxy of its client:
  /// the same one for all of a head.
  Http1Step Consume(Bytes data, ProxyCredentials* credentials = nullptr) {
    if (Skip(data.size())) return {data.size(), Http1Event::kNone};
    return ConsumeFraming(data, credentials);
  }

  /// True from Reset or kMessageEnd until kHead: bytes consumed now belong to a
  /// request whose host is not known yet.
  bool in_head() const {
    return phase_ == Phase::kStartLine || phase_ == Phase::kFields;
  }
  /// True from Reset or kMessageEnd until the first byte of a head.
  bool at_start() const {
    return phase_ == Phase::kStartLine && state_ == State::kBlank;
  }
  bool lost() const { return phase_ == Phase::kLost; }
  /// True from the kHead of a request that asks whether its body is wanted
  /// (Expect) until the body's first byte.
  bool may_withhold_body() const { return may_withhold_; }
  /// It was not wanted, and does not come: the next byte begins a request.
  void WithholdBody();

  /// Both valid from kHead until the next head's first byte. The authority of
  /// an absolute-form target wins over Host (RFC 9112, 3.2.2); CONNECT's target
  /// is its host. Empty without any.
  Method method() const { return method_; }
  const HostName& host() const { return host_; }
  /// Valid as these. The target is a whole URL, as only proxies get it (RFC
  /// 9112, 3.2.2).
  bool absolute() const { return absolute_; }

 private:
  enum class Phase : std::uint8_t { kStartLine, kFields, kBody, kLost };
  enum class State : std::uint8_t {
    kBlank,
    kMethod,
    kTarget,
    kScheme,
    kSchemeSlash,
    kSchemeSlashes,
    kAuthority,
    kPath,
    kVersion,
    kMinorVersion,
    kLineEnd,
    kLf,
  };

  Http1Step ConsumeFraming(Bytes data, ProxyCredentials* credentials);
  Http1Step ConsumeFields(Bytes data, std::size_t used,
                          ProxyCredentials* credentials);
  Http1Step ConsumeBody(Bytes data);
  bool TakeStartLine(std::uint8_t byte);
  bool TakeMethod(std::uint8_t byte);
  bool TakeTarget(std::uint8_t byte);
  bool StartTarget(std::uint8_t byte);
  void EndTarget();
  bool TakeVersion(std::uint8_t byte);
  bool StartBody();
  bool HasBody() const;
  Http1Step Lose(std::size_t consumed);

  static constexpr std::size_t kMaxMethodLength = 24;

  Http1Body body_;
  Http1Fields fields_;
  HostName host_;
  std::array<char, kMaxMethodLength> method_text_{};
  std::uint8_t matched_ = 0;  // bytes of the method, later of the version
  Phase phase_ = Phase::kStartLine;
  State state_ = State::kBlank;
  Method method_ = Method::kOther;
  bool absolute_ = false;
  bool may_withhold_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP1_REQUEST_H_
