#include "shim/protocol/http1_request.h"

#include <string_view>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::string_view kVersionPrefix = "HTTP/1.";

bool IsSchemeByte(std::uint8_t c) {
  return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
}

bool EndsAuthority(std::uint8_t c) { return c == '/' || c == '?' || c == '#'; }

}  // namespace

void Http1RequestParser::Reset() {
  body_.Reset();
  host_.Clear();
  phase_ = Phase::kStartLine;
  state_ = State::kBlank;
  method_ = Method::kOther;
  may_withhold_ = false;
}

void Http1RequestParser::WithholdBody() {
  may_withhold_ = false;
  phase_ = Phase::kStartLine;
  state_ = State::kBlank;
}

Http1Step Http1RequestParser::ConsumeFraming(Bytes data,
                                             ProxyCredentials* credentials) {
  switch (phase_) {
    case Phase::kStartLine:
      for (std::size_t at = 0; at < data.size(); ++at) {
        if (!TakeStartLine(data[at])) return Lose(at);
        if (phase_ == Phase::kFields) {
          return ConsumeFields(data, at + 1, credentials);
        }
      }
      return {data.size(), Http1Event::kNone};
    case Phase::kFields:
      return ConsumeFields(data, 0, credentials);
    case Phase::kBody:
      return ConsumeBody(data);
    case Phase::kLost:
      break;
  }
  return Lose(0);
}

Http1Step Http1RequestParser::ConsumeFields(Bytes data, std::size_t used,
                                            ProxyCredentials* credentials) {
  const auto [size, status] =
      fields_.Consume(data.subspan(used), &host_, nullptr, credentials);
  switch (status) {
    case Http1Fields::Status::kNeedMore:
      return {used + size, Http1Event::kNone};
    case Http1Fields::Status::kEnd:
      // Not the section's last byte: what ends here cannot be framed.
      if (!StartBody()) return Lose(used + size - 1);
      may_withhold_ = fields_.expects() && HasBody();
      // Nothing is to be skipped that may be a head.
      if (may_withhold_) body_.Reset();
      return {used + size, Http1Event::kHead};
    case Http1Fields::Status::kLost:
      break;
  }
  return Lose(used + size);
}

Http1Step Http1RequestParser::ConsumeBody(Bytes data) {
  if (may_withhold_) {
    if (data.empty()) return {0, Http1Event::kNone};
    may_withhold_ = false;
    StartBody();
  }
  const auto [size, status] = body_.Consume(data);
  switch (status) {
    case Http1Body::Status::kNeedMore:
      return {size, Http1Event::kNone};
    case Http1Body::Status::kEnd:
      phase_ = Phase::kStartLine;
      state_ = State::kBlank;
      return {size, Http1Event::kMessageEnd};
    case Http1Body::Status::kLost:
      break;
  }
  return Lose(size);
}

bool Http1RequestParser::TakeStartLine(std::uint8_t byte) {
  switch (state_) {
    case State::kBlank:
      // RFC 9112, 2.2: empty lines may come before a request.
      if (byte == '\r' || byte == '\n') return true;
      host_.Clear();
      absolute_ = false;
      matched_ = 0;
      state_ = State::kMethod;
      return TakeMethod(byte);
    case State::kMethod:
      return TakeMethod(byte);
    case State::kTarget:
    case State::kScheme:
    case State::kSchemeSlash:
    case State::kSchemeSlashes:
    case State::kAuthority:
    case State::kPath:
      return TakeTarget(byte);
    case State::kVersion:
    case State::kMinorVersion:
    case State::kLineEnd:
    case State::kLf:
      return TakeVersion(byte);
  }
  return false;
}

bool Http1RequestParser::TakeMethod(std::uint8_t byte) {
  if (byte == ' ' && matched_ > 0) {
    const std::string_view text(method_text_.data(), matched_);
    method_ = text == "HEAD"      ? Method::kHead
              : text == "CONNECT" ? Method::kConnect
                                  : Method::kOther;
    state_ = State::kTarget;
    return true;
  }
  if (!IsTokenByte(byte) || matched_ == kMaxMethodLength) return false;
  method_text_[matched_++] = static_cast<char>(byte);
  return true;
}

bool Http1RequestParser::TakeTarget(std::uint8_t byte) {
  if (state_ == State::kTarget) return StartTarget(byte);
  if (byte == ' ') {
    EndTarget();
    return true;
  }
  if (IsControl(byte)) return false;
  switch (state_) {
    case State::kScheme:
      if (byte == ':') {
        state_ = State::kSchemeSlash;
      } else if (!IsSchemeByte(byte)) {
        state_ = State::kPath;
      }
      break;
    case State::kSchemeSlash:
      state_ = byte == '/' ? State::kSchemeSlashes : State::kPath;
      break;
    case State::kSchemeSlashes:
      absolute_ = byte == '/';
      state_ = absolute_ ? State::kAuthority : State::kPath;
      break;
    case State::kAuthority:
      if (EndsAuthority(byte) && method_ != Method::kConnect) {
        host_.FinishAuthority();
        state_ = State::kPath;
      } else {
        host_.AppendAuthority(byte);
      }
      break;
    default:
      break;
  }
  return true;
}

bool Http1RequestParser::StartTarget(std::uint8_t byte) {
  if (byte == ' ' || IsControl(byte)) return false;
  if (method_ == Method::kConnect) {
    host_.AppendAuthority(byte);
    state_ = State::kAuthority;
  } else {
    state_ = IsAlpha(byte) ? State::kScheme : State::kPath;
  }
  return true;
}

void Http1RequestParser::EndTarget() {
  if (state_ == State::kAuthority) host_.FinishAuthority();
  matched_ = 0;
  state_ = State::kVersion;
}

bool Http1RequestParser::TakeVersion(std::uint8_t byte) {
  switch (state_) {
    case State::kVersion:
      if (byte != static_cast<std::uint8_t>(kVersionPrefix[matched_])) {
        return false;
      }
      if (++matched_ == kVersionPrefix.size()) state_ = State::kMinorVersion;
      return true;
    case State::kMinorVersion:
      state_ = State::kLineEnd;
      return IsDigit(byte);
    case State::kLineEnd:
      if (byte == '\r') {
        state_ = State::kLf;
        return true;
      }
      break;
    default:
      break;
  }
  fields_.Reset();
  phase_ = Phase::kFields;
  return byte == '\n';
}

// RFC 9112, 6.3.
bool Http1RequestParser::StartBody() {
  phase_ = Phase::kBody;
  if (method_ == Method::kConnect) {
    body_.StartLength(0);
    return true;
  }
  switch (fields_.coding()) {
    case Http1Fields::Coding::kChunked:
      body_.StartChunked();
      return true;
    case Http1Fields::Coding::kOther:
      return false;
    case Http1Fields::Coding::kNone:
      break;
  }
  body_.StartLength(fields_.has_length() ? fields_.length() : 0);
  return true;
}

bool Http1RequestParser::HasBody() const {
  return method_ != Method::kConnect &&
         (fields_.coding() == Http1Fields::Coding::kChunked ||
          (fields_.has_length() && fields_.length() != 0));
}

Http1Step Http1RequestParser::Lose(std::size_t consumed) {
  phase_ = Phase::kLost;
  return {consumed, Http1Event::kLost};
}

}  // namespace proxymeter::protocol
