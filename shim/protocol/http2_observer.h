// The parser of HTTP/2 as parser_testing.h wants it, as observers.h does for
// the others. Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_OBSERVER_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_OBSERVER_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shim/protocol/http2_side.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {

/// By what a request's stream is remembered.
inline std::uintptr_t TagOf(std::uint32_t stream) { return stream + 1000; }

/// Text of an event that `side` is at, remembering what is to be remembered.
inline std::string Http2Text(Http2Event event, Http2Side* side,
                             const Http2Streams& streams) {
  const Http2Fields& fields = side->fields();
  const std::string id = " " + std::to_string(side->stream());
  const Http2Streams::Stream stream = streams.Find(side->stream());
  std::string text;
  if (stream.known) {
    EXPECT_EQ(stream.tag, TagOf(side->stream()));
  }
  switch (event) {
    case Http2Event::kRequest:
    case Http2Event::kPush:
      text = event == Http2Event::kPush ? "push" : "request";
      text += id + " " + std::string(fields.host().view());
      if (fields.scheme() == Http2Fields::Scheme::kHttp) text += " http";
      if (fields.scheme() == Http2Fields::Scheme::kHttps) text += " https";
      if (fields.method() == Method::kConnect) text += " CONNECT";
      if (fields.method() == Method::kHead) text += " HEAD";
      if (fields.extended()) text += " extended";
      if (fields.grpc()) text += " grpc";
      if (!side->Remember(TagOf(side->stream()))) text += " unremembered";
      return text;
    case Http2Event::kInterim:
      return "interim" + id + " " + std::to_string(fields.status());
    case Http2Event::kResponse:
    case Http2Event::kTrailers:
      text = event == Http2Event::kTrailers
                 ? "trailers" + id
                 : "response" + id + " " + std::to_string(fields.status());
      if (!stream.known) text += " unknown";
      if (stream.grpc) text += " grpc";
      if (fields.grpc_status() != Http2Fields::kNoGrpcStatus) {
        text += " grpc-status " + std::to_string(fields.grpc_status());
      }
      return text;
    case Http2Event::kEnd:
      return "end" + id;
    case Http2Event::kReset:
      return "reset" + id + " " + std::to_string(side->error());
    case Http2Event::kGoaway:
      return "goaway" + id + " " + std::to_string(side->error());
    case Http2Event::kAwaited:
      return "awaited" + id;
    case Http2Event::kLost:
      EXPECT_TRUE(side->lost());
      return "lost " + std::to_string(static_cast<int>(side->loss()));
    case Http2Event::kData:
    case Http2Event::kNone:
      break;
  }
  EXPECT_FALSE(side->lost());
  return "";
}

/// One direction, after the other one has said `before`. What streams carry
/// stands, joined, before the event behind it.
class Http2Observer {
 public:
  explicit Http2Observer(Http2Speaker speaker, std::string before = "")
      : speaker_(speaker), before_(std::move(before)), session_(Borrow()) {
    session_->Begin();
    Http2Side* const other = speaker_ == Http2Speaker::kClient
                                 ? &session_->server
                                 : &session_->client;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(before_.data());
    for (Bytes rest(bytes, before_.size());;) {
      const Http2Step step = other->Consume(rest);
      rest = rest.subspan(step.consumed);
      Http2Text(step.event, other, session_->streams);
      if (step.event == Http2Event::kNone || step.event == Http2Event::kLost) {
        break;
      }
    }
  }
  Http2Observer(const Http2Observer& other)
      : Http2Observer(other.speaker_, other.before_) {}
  Http2Observer& operator=(const Http2Observer&) = delete;
  ~Http2Observer() { Spare().push_back(std::move(session_)); }

  Observed Consume(Bytes data) {
    Http2Side* const side = speaker_ == Http2Speaker::kClient
                                ? &session_->client
                                : &session_->server;
    std::size_t consumed = 0;
    for (;;) {
      const Http2Step step = side->Consume(data.subspan(consumed));
      consumed += step.consumed;
      if (step.event == Http2Event::kNone) return {consumed, ""};
      if (step.event == Http2Event::kData) {
        EXPECT_FALSE(side->data().empty());
        if (side->stream() != content_of_ || content_.empty()) {
          content_of_ = side->stream();
          content_ += "data " + std::to_string(content_of_) + " ";
        }
        content_.append(side->data().begin(), side->data().end());
        continue;
      }
      const bool lost = step.event == Http2Event::kLost;
      std::string text = Http2Text(step.event, side, session_->streams);
      if (!lost && !content_.empty()) {
        text = std::exchange(content_, "") + ", " + text;
      }
      // The library that decodes header blocks does not say where they broke.
      return {.consumed = consumed, .event = text, .last = lost, .vague = lost};
    }
  }

 private:
  using Session = std::unique_ptr<Http2Session>;

  // Used again, with whatever is left in them: to take so much memory anew is
  // most of the time of a fuzzer.
  static std::vector<Session>& Spare() {
    static std::vector<Session> spare;
    return spare;
  }
  static Session Borrow() {
    if (Spare().empty()) return std::make_unique_for_overwrite<Http2Session>();
    Session session = std::move(Spare().back());
    Spare().pop_back();
    return session;
  }

  Http2Speaker speaker_;
  std::string before_;
  std::string content_;
  std::uint32_t content_of_ = 0;
  Session session_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_OBSERVER_H_
