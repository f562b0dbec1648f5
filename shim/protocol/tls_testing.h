// TLS as OpenSSL speaks it, and the parsers of it as parser_testing.h wants
// them. Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_TLS_TESTING_H_
#define PROXYMETER_SHIM_PROTOCOL_TLS_TESTING_H_

#include <string>

#include "proxymeter/tls_session.h"
#include "shim/protocol/client_flight.h"
#include "shim/protocol/parser_testing.h"
#include "shim/protocol/server_flight.h"

namespace proxymeter::protocol {

/// "finished", "data LENGTH" or "lost".
struct ClientFlightObserver {
  ClientFlight parser;

  Observed Consume(Bytes data) {
    const std::size_t size = data.size();
    const ClientFlight::Event event = parser.Consume(&data);
    const std::size_t consumed = size - data.size();
    switch (event) {
      case ClientFlight::Event::kNone:
        return {consumed, ""};
      case ClientFlight::Event::kFinished:
        return {consumed, "finished"};
      case ClientFlight::Event::kData:
        return {consumed, "data " + std::to_string(parser.length())};
      case ClientFlight::Event::kLost:
        break;
    }
    EXPECT_TRUE(data.empty());
    return Lost();
  }

  // All that follows is taken, too: how much, depends on the cut.
  static Observed Lost() { return {0, "lost", true, true}; }
};

/// "hello VERSION ALPN SUITE", "data LENGTH" or "lost". How much of a record is
/// taken with the hello at its front, depends on the cut.
struct ServerFlightObserver {
  static constexpr bool kCountsNothing = true;
  ServerFlight parser;

  Observed Consume(Bytes data) {
    const std::size_t size = data.size();
    const ServerFlight::Event event = parser.Consume(&data);
    const std::size_t consumed = size - data.size();
    const ServerHelloParser& hello = parser.hello();
    switch (event) {
      case ServerFlight::Event::kNone:
        return {consumed, ""};
      case ServerFlight::Event::kHello:
        return {consumed, "hello " + std::string(Name(hello.version())) + " " +
                              std::string(Name(hello.alpn())) + " " +
                              std::to_string(hello.cipher_suite())};
      case ServerFlight::Event::kData:
        return {consumed, "data " + std::to_string(parser.length())};
      case ServerFlight::Event::kLost:
        break;
    }
    EXPECT_TRUE(data.empty());
    return ClientFlightObserver::Lost();
  }
};

/// A record of `length` bytes that look like anything.
inline std::string TlsRecord(int type, std::size_t length) {
  std::string record = {static_cast<char>(type), 3, 3,
                        static_cast<char>(length / 256),
                        static_cast<char>(length % 256)};
  return record + std::string(length, '\x17');
}

/// The same around this content.
inline std::string TlsRecord(int type, const std::string& content) {
  return TlsRecord(type, content.size()).substr(0, 5) + content;
}

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_TLS_TESTING_H_
