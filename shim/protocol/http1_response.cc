#include "shim/protocol/http1_response.h"

#include <string_view>
#include <utility>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::string_view kVersionPrefix = "HTTP/1.";
constexpr std::uint8_t kStatusDigits = 3;
constexpr int kSwitchingProtocols = 101;
constexpr int kNoContent = 204;
constexpr int kNotModified = 304;

}  // namespace

void Http1ResponseParser::Reset() {
  body_.Reset();
  status_ = 0;
  until_close_ = false;
  StartMessage();
}

void Http1ResponseParser::StartMessage() {
  phase_ = Phase::kStartLine;
  state_ = State::kBlank;
}

Http1Step Http1ResponseParser::ConsumeFraming(Bytes data, Method request) {
  switch (phase_) {
    case Phase::kStartLine:
      for (std::size_t at = 0; at < data.size(); ++at) {
        if (!TakeStartLine(data[at])) return Lose(at);
        if (phase_ == Phase::kFields) {
          return ConsumeFields(data, at + 1, request);
        }
      }
      return {data.size(), Http1Event::kNone};
    case Phase::kFields:
      return ConsumeFields(data, 0, request);
    case Phase::kBody:
      return ConsumeBody(data);
    case Phase::kLost:
      break;
  }
  return Lose(0);
}

Http1Step Http1ResponseParser::ConsumeFields(Bytes data, std::size_t used,
                                             Method request) {
  const auto [size, status] =
      fields_.Consume(data.subspan(used), nullptr, &words_);
  switch (status) {
    case Http1Fields::Status::kNeedMore:
      return {used + size, Http1Event::kNone};
    case Http1Fields::Status::kEnd:
      return {used + size, EndHead(request)};
    case Http1Fields::Status::kLost:
      break;
  }
  return Lose(used + size);
}

Http1Step Http1ResponseParser::ConsumeBody(Bytes data) {
  const auto [size, status] = body_.Consume(data);
  switch (status) {
    case Http1Body::Status::kNeedMore:
      return {size, Http1Event::kNone};
    case Http1Body::Status::kEnd:
      StartMessage();
      return {size, Http1Event::kMessageEnd};
    case Http1Body::Status::kLost:
      break;
  }
  return Lose(size);
}

bool Http1ResponseParser::TakeStartLine(std::uint8_t byte) {
  switch (state_) {
    case State::kBlank:
      if (byte == '\r' || byte == '\n') return true;
      matched_ = 0;
      state_ = State::kVersion;
      [[fallthrough]];
    case State::kVersion:
      if (byte != static_cast<std::uint8_t>(kVersionPrefix[matched_])) {
        return false;
      }
      if (++matched_ == kVersionPrefix.size()) state_ = State::kMinorVersion;
      return true;
    case State::kMinorVersion:
      state_ = State::kSpace;
      return IsDigit(byte);
    case State::kSpace:
      matched_ = 0;
      status_ = 0;
      state_ = State::kStatus;
      return byte == ' ';
    case State::kStatus:
      return TakeStatus(byte);
    case State::kStatusEnd:
      if (!IsBlank(byte) && byte != '\n') return false;
      [[fallthrough]];
    case State::kReason:
      TakeReason(byte);
      return true;
  }
  return false;
}

bool Http1ResponseParser::TakeStatus(std::uint8_t byte) {
  if (!IsDigit(byte)) return false;
  if (matched_ == 0 && byte == '0') return false;
  status_ = static_cast<std::uint16_t>(status_ * 10 + (byte - '0'));
  if (++matched_ == kStatusDigits) state_ = State::kStatusEnd;
  return true;
}

void Http1ResponseParser::TakeReason(std::uint8_t byte) {
  if (std::exchange(state_, State::kReason) != State::kReason) {
    words_.Clear();
    words_.Begin(ProxyWords::Source::kReason);
  }
  if (byte != '\n') {
    if (!IsBlank(byte) || words_.text().size() != 0) words_.Append(byte);
    return;
  }
  fields_.Reset();
  phase_ = Phase::kFields;
}

Http1Event Http1ResponseParser::EndHead(Method request) {
  if (status_ < 200 && status_ != kSwitchingProtocols) {
    StartMessage();
    return Http1Event::kInformational;
  }
  phase_ = Phase::kBody;
  if (HasNoBody(request)) {
    body_.StartLength(0);
  } else {
    StartBody();
  }
  return Http1Event::kHead;
}

// RFC 9112, 6.3, the first two rules.
bool Http1ResponseParser::HasNoBody(Method request) const {
  if (request == Method::kHead) return true;
  if (request == Method::kConnect && status_ / 100 == 2) return true;
  return status_ == kSwitchingProtocols || status_ == kNoContent ||
         status_ == kNotModified;
}

void Http1ResponseParser::StartBody() {
  switch (fields_.coding()) {
    case Http1Fields::Coding::kChunked:
      body_.StartChunked();
      return;
    case Http1Fields::Coding::kOther:
      break;
    case Http1Fields::Coding::kNone:
      if (!fields_.has_length()) break;
      body_.StartLength(fields_.length());
      return;
  }
  until_close_ = true;
  body_.StartUntilClose();
}

Http1Step Http1ResponseParser::Lose(std::size_t consumed) {
  until_close_ = false;
  phase_ = Phase::kLost;
  return {consumed, Http1Event::kLost};
}

}  // namespace proxymeter::protocol
