#include "shim/protocol/http1_fields.h"

#include <cstring>
#include <limits>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {

void Http1Fields::Reset() {
  state_ = State::kLineStart;
  field_ = Field::kOther;
  coding_ = Coding::kNone;
  has_length_ = false;
  expects_ = false;
  upgrade_ = Upgrade::kOther;
}

Http1Fields::Step Http1Fields::Consume(Bytes data, HostName* host,
                                       ProxyWords* words,
                                       ProxyCredentials* credentials) {
  const Into into = {host, words, credentials};
  std::size_t at = 0;
  while (at < data.size()) {
    if (state_ == State::kValue && field_ == Field::kOther) {
      const void* found = std::memchr(data.data() + at, '\n', data.size() - at);
      if (found == nullptr) return {data.size(), Status::kNeedMore};
      at = static_cast<const std::uint8_t*>(found) - data.data() + 1;
      state_ = State::kLineStart;
      continue;
    }
    if (!Take(data[at], into)) return {at, Status::kLost};
    ++at;
    if (state_ == State::kEnd) return {at, Status::kEnd};
  }
  return {at, Status::kNeedMore};
}

bool Http1Fields::Take(std::uint8_t byte, const Into& into) {
  switch (state_) {
    case State::kLineStart:
      return TakeLineStart(byte, into);
    case State::kName:
      return TakeName(byte, into);
    case State::kNameEnd:
      TakeNameEnd(byte, into);
      return true;
    case State::kValue:
      return TakeValue(byte, into);
    case State::kLastLf:
      if (byte == '\n') {
        state_ = State::kEnd;
      } else {
        SkipLine();
      }
      return true;
    case State::kEnd:
      break;
  }
  return false;
}

// A value is complete only when the next line turns out not to continue it.
bool Http1Fields::TakeLineStart(std::uint8_t byte, const Into& into) {
  if (byte == ' ' || byte == '\t') {
    state_ = State::kValue;
    return true;
  }
  if (!CommitValue(into.host)) return false;
  field_ = Field::kOther;
  token_length_ = 0;
  if (byte == '\n') {
    state_ = State::kEnd;
    return true;
  }
  if (byte == '\r') {
    state_ = State::kLastLf;
    return true;
  }
  state_ = State::kName;
  return TakeName(byte, into);
}

bool Http1Fields::TakeName(std::uint8_t byte, const Into& into) {
  if (IsTokenByte(byte)) {
    AppendToken(byte);
    return true;
  }
  if (IsControl(byte) && !IsBlank(byte) && byte != '\n') return false;
  state_ = State::kNameEnd;
  TakeNameEnd(byte, into);
  return true;
}

void Http1Fields::TakeNameEnd(std::uint8_t byte, const Into& into) {
  if (byte == ':') {
    StartValue(into);
  } else if (byte == '\n') {
    state_ = State::kLineStart;
  } else if (!IsBlank(byte)) {
    SkipLine();
  }
}

void Http1Fields::StartValue(const Into& into) {
  field_ = Field::kOther;
  if (token() == "content-length") {
    field_ = Field::kLength;
  } else if (token() == "transfer-encoding") {
    field_ = Field::kCoding;
  } else if (token() == "upgrade") {
    field_ = Field::kUpgrade;
  } else if (token() == "expect") {
    expects_ = true;
  } else if (token() == "host" && into.host != nullptr && into.host->empty()) {
    field_ = Field::kHost;
    into.host->Clear();
  } else if (into.credentials != nullptr && token() == "proxy-authorization") {
    if (into.credentials->BeginAuthorization()) field_ = Field::kAuthorization;
  } else if (into.credentials != nullptr && token() == "x-proxy-vendor") {
    field_ = Field::kVendor;
    into.credentials->BeginVendor();
  } else if (into.words != nullptr) {
    if (const auto source = ProxyWords::SourceOf(token())) {
      field_ = Field::kWords;
      into.words->Begin(*source);
    }
  }
  state_ = State::kValue;
  token_length_ = 0;
  value_ = 0;
  started_ = false;
  gap_ = false;
}

void Http1Fields::SkipLine() {
  field_ = Field::kOther;
  state_ = State::kValue;
}

bool Http1Fields::TakeValue(std::uint8_t byte, const Into& into) {
  if (byte == '\n' || IsBlank(byte)) {
    gap_ = started_;
    if (byte == '\n') state_ = State::kLineStart;
    return true;
  }
  if (field_ == Field::kLength) return TakeLengthByte(byte);
  if (field_ == Field::kCoding) {
    TakeCodingByte(byte);
    return true;
  }
  if (field_ == Field::kUpgrade) {
    AppendToken(byte);
    return true;
  }
  // White space inside a host makes it invalid; around it, it means nothing.
  if (field_ == Field::kWords) {
    if (gap_) into.words->Append(' ');
    into.words->Append(byte);
  } else if (field_ == Field::kAuthorization) {
    if (gap_) into.credentials->AppendAuthorization(' ');
    into.credentials->AppendAuthorization(byte);
  } else if (field_ == Field::kVendor) {
    if (gap_) into.credentials->AppendVendor(' ');
    into.credentials->AppendVendor(byte);
  } else {
    if (gap_) into.host->AppendAuthority(' ');
    into.host->AppendAuthority(byte);
  }
  started_ = true;
  gap_ = false;
  return true;
}

bool Http1Fields::TakeLengthByte(std::uint8_t byte) {
  if (byte == ',') return CommitLength();
  if (!IsDigit(byte) || gap_) return false;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const unsigned digit = byte - '0';
  if (value_ > (kMax - digit) / 10) return false;
  value_ = value_ * 10 + digit;
  started_ = true;
  return true;
}

void Http1Fields::TakeCodingByte(std::uint8_t byte) {
  if (byte == ',') {
    CommitCoding();
    return;
  }
  // Chunked takes no parameters, so whatever is no plain token is not chunked.
  if (gap_ || !IsTokenByte(byte)) token_length_ = kTokenCapacity + 1;
  AppendToken(byte);
  started_ = true;
}

void Http1Fields::AppendToken(std::uint8_t byte) {
  if (token_length_ < kTokenCapacity) {
    token_[token_length_++] = static_cast<char>(ToLower(byte));
  } else {
    token_length_ = kTokenCapacity + 1;
  }
}

std::string_view Http1Fields::token() const {
  if (token_length_ > kTokenCapacity) return {};
  return {token_.data(), token_length_};
}

bool Http1Fields::CommitValue(HostName* host) {
  switch (field_) {
    case Field::kOther:
    case Field::kWords:
    case Field::kAuthorization:
    case Field::kVendor:
      return true;
    case Field::kUpgrade:
      upgrade_ = token() == "websocket" ? Upgrade::kWebSocket
                 : token() == "h2c"     ? Upgrade::kH2c
                                        : Upgrade::kOther;
      return true;
    case Field::kHost:
      host->FinishAuthority();
      return true;
    case Field::kLength:
      return CommitLength();
    case Field::kCoding:
      CommitCoding();
      return true;
  }
  return false;
}

bool Http1Fields::CommitLength() {
  if (!started_) return false;
  if (has_length_ && length_ != value_) return false;
  has_length_ = true;
  length_ = value_;
  value_ = 0;
  started_ = false;
  gap_ = false;
  return true;
}

void Http1Fields::CommitCoding() {
  if (started_ && token() != "identity") {
    coding_ = token() == "chunked" ? Coding::kChunked : Coding::kOther;
  }
  token_length_ = 0;
  started_ = false;
  gap_ = false;
}

}  // namespace proxymeter::protocol
