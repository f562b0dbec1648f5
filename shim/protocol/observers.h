// The parsers as parser_testing.h wants them: each event as a line of text that
// holds all that is valid at it. Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_OBSERVERS_H_
#define PROXYMETER_SHIM_PROTOCOL_OBSERVERS_H_

#include <gtest/gtest.h>

#include <string>

#include "shim/protocol/client_hello.h"
#include "shim/protocol/http1_request.h"
#include "shim/protocol/http1_response.h"
#include "shim/protocol/parser_testing.h"
#include "shim/protocol/proxy_prefix.h"
#include "shim/protocol/socks.h"

namespace proxymeter::protocol {

/// "head HOST" (with " HEAD" or " CONNECT" for those methods), "end", "lost".
struct RequestObserver {
  Http1RequestParser parser;

  Observed Consume(Bytes data) {
    const Http1Step step = parser.Consume(data);
    EXPECT_EQ(parser.lost(), step.event == Http1Event::kLost);
    switch (step.event) {
      case Http1Event::kNone:
        return {step.consumed, ""};
      case Http1Event::kHead:
        EXPECT_FALSE(parser.in_head());
        return {step.consumed, Head()};
      case Http1Event::kMessageEnd:
        EXPECT_TRUE(parser.in_head());
        return {step.consumed, "end"};
      case Http1Event::kLost:
        EXPECT_FALSE(parser.in_head());
        return {step.consumed, "lost", true};
      case Http1Event::kInformational:
        break;
    }
    ADD_FAILURE() << "a request has no interim head";
    return {step.consumed, "lost", true};
  }

  std::string Head() const {
    std::string text = "head " + std::string(parser.host().view());
    if (parser.method() == Method::kHead) text += " HEAD";
    if (parser.method() == Method::kConnect) text += " CONNECT";
    return text;
  }
};

/// "interim STATUS", "head STATUS" (with " until close"), "end", "lost".
struct ResponseObserver {
  Method request = Method::kOther;
  Http1ResponseParser parser;

  Observed Consume(Bytes data) {
    const Http1Step step = parser.Consume(data, request);
    EXPECT_EQ(parser.lost(), step.event == Http1Event::kLost);
    const std::string status = std::to_string(parser.status());
    switch (step.event) {
      case Http1Event::kNone:
        return {step.consumed, ""};
      case Http1Event::kInformational:
        EXPECT_TRUE(parser.in_head());
        return {step.consumed, "interim " + status};
      case Http1Event::kHead:
        EXPECT_FALSE(parser.in_head());
        return {
            step.consumed,
            "head " + status + (parser.until_close() ? " until close" : "")};
      case Http1Event::kMessageEnd:
        EXPECT_TRUE(parser.in_head());
        return {step.consumed, "end"};
      case Http1Event::kLost:
        break;
    }
    return {step.consumed, "lost", true};
  }
};

/// "hello NAME ALPN RANDOM" or "not TLS". The parser does not say how much it
/// took.
struct ClientHelloObserver {
  static constexpr bool kCountsNothing = true;
  ClientHelloParser parser;

  Observed Consume(Bytes data) {
    switch (parser.Consume(data)) {
      case ClientHelloParser::Status::kNeedMore:
        return {data.size(), ""};
      case ClientHelloParser::Status::kNotTls:
        return {0, "not TLS", true};
      case ClientHelloParser::Status::kDone:
        break;
    }
    const auto random = parser.random();
    return {0,
            "hello " + std::string(parser.server_name().view()) + " " +
                std::string(parser.first_alpn()) + " " +
                std::string(random.begin(), random.end()),
            true};
  }
};

/// "VERSION COMMAND HOST PORT" or "lost".
struct SocksClientObserver {
  SocksClientParser parser;

  Observed Consume(Bytes data) {
    const auto [consumed, event] = parser.Consume(data);
    if (event == SocksClientParser::Event::kNone) return {consumed, ""};
    if (event == SocksClientParser::Event::kLost)
      return {consumed, "lost", true};
    return {consumed,
            std::to_string(parser.version()) + " " +
                std::to_string(parser.command()) + " " +
                std::string(parser.host().view()) + " " +
                std::to_string(parser.port()),
            true};
  }
};

/// "end", "malformed", or "absent" with what was seen.
struct ProxyPrefixObserver {
  ProxyPrefixParser parser;

  Observed Consume(Bytes data) {
    const auto [consumed, event] = parser.Consume(data);
    switch (event) {
      case ProxyPrefixParser::Event::kNone:
        return {consumed, ""};
      case ProxyPrefixParser::Event::kEnd:
        return {consumed, "end", true};
      case ProxyPrefixParser::Event::kMalformed:
        return {consumed, "malformed", true};
      case ProxyPrefixParser::Event::kAbsent:
        break;
    }
    const Bytes seen = parser.seen();
    return {consumed, "absent " + std::string(seen.begin(), seen.end()), true};
  }
};

/// "granted CODE", "refused CODE" or "lost".
struct SocksServerObserver {
  SocksServerParser parser;

  explicit SocksServerObserver(int version) { parser.Reset(version); }

  Observed Consume(Bytes data) {
    const auto [consumed, event] = parser.Consume(data);
    if (event == SocksServerParser::Event::kNone) {
      EXPECT_FALSE(parser.granted());
      return {consumed, ""};
    }
    if (event == SocksServerParser::Event::kLost) {
      EXPECT_FALSE(parser.granted());
      return {consumed, "lost", true};
    }
    return {consumed,
            (parser.granted() ? "granted " : "refused ") +
                std::to_string(parser.code()),
            true};
  }
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_OBSERVERS_H_
