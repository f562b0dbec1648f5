// The hand-shakes of SOCKS 4, 4a and 5, one parser for each direction.
#ifndef PROXYMETER_SHIM_PROTOCOL_SOCKS_H_
#define PROXYMETER_SHIM_PROTOCOL_SOCKS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxymeter/endpoint.h"
#include "shim/protocol/bytes.h"
#include "shim/protocol/host_name.h"
#include "shim/protocol/proxy_credentials.h"

namespace proxymeter::protocol {

/// Reads what a client sends to a SOCKS proxy: SOCKS5 (RFC 1928) with or
/// without user name and password (RFC 1929), SOCKS4 and SOCKS4a.
class SocksClientParser {
 public:
  enum class Event : std::uint8_t {
    kNone,    ///< everything consumed, the request is not complete
    kTarget,  ///< the request is complete; what follows belongs to the tunnel
    kLost,    ///< this is no SOCKS, or an authentication it cannot follow
  };

  struct Step {
    std::size_t consumed;
    Event event;
  };

  void Reset();

  /// Consumes up to and including the event. After kTarget and kLost nothing
  /// more is consumed and the event repeats, until Reset. `credentials`, if
  /// given, takes user name and password: the same one all along. Otherwise
  /// they pass by uncopied.
  Step Consume(Bytes data, ProxyCredentials* credentials = nullptr);

  /// 4 or 5; 0 before the first byte.
  int version() const { return version_; }

  /// The rest is valid at kTarget. 1: CONNECT, 2: BIND, 3: UDP ASSOCIATE.
  std::uint8_t command() const { return command_; }
  const HostName& host() const { return host_; }
  std::uint16_t port() const { return port_; }

 private:
  enum class State : std::uint8_t {
    kVersion,
    kMethodCount,
    kMethods,
    kRequest,  // or authentication: the first byte tells
    kUserLength,
    kUser,
    kPasswordLength,
    kPassword,
    kCommand,
    kReserved,
    kAddressType,
    kAddress,
    kDomainLength,
    kDomain,
    kPort,
    kCommand4,
    kPort4,
    kAddress4,
    kUser4,
    kDomain4,
    kDone,
    kLost,
  };

  bool Take(std::uint8_t byte, ProxyCredentials* credentials);
  bool TakeVersion(std::uint8_t byte);
  bool TakeMethod(std::uint8_t byte);
  bool TakeAuthentication(std::uint8_t byte, ProxyCredentials* credentials);
  bool TakeRequest(std::uint8_t byte);
  bool TakeAddressType(std::uint8_t byte);
  bool TakeRequest4(std::uint8_t byte, ProxyCredentials* credentials);
  bool EndUser4();
  void TakePort(std::uint8_t byte, State next);
  bool Start(State state, std::uint8_t size);
  bool AddressDone(std::uint8_t byte);

  HostName host_;
  std::array<std::uint8_t, 16> address_{};
  std::uint16_t port_ = 0;
  std::uint8_t size_ = 0;  // of the state's field
  std::uint8_t left_ = 0;  // of it
  std::uint8_t version_ = 0;
  std::uint8_t command_ = 0;
  bool password_offered_ = false;
  bool authenticated_ = false;
  State state_ = State::kVersion;
};

/// Reads what a SOCKS proxy answers, up to its first reply to the request.
class SocksServerParser {
 public:
  /// Codes of ours, in code(): the proxy took none of the offered methods
  /// (RFC 1928 has the same value), or refused user name and password.
  static constexpr std::uint8_t kNoMethod = 0xff;
  static constexpr std::uint8_t kBadPassword = 0xfe;

  enum class Event : std::uint8_t {
    kNone,   ///< everything consumed, the reply is not complete
    kReply,  ///< the reply is complete; what follows belongs to the tunnel
    kLost,   ///< this is no SOCKS, or a method it cannot follow
  };

  struct Step {
    std::size_t consumed;
    Event event;
  };

  /// `version` is the client's: 4 or 5; with another the parser is lost.
  void Reset(int version);

  /// As SocksClientParser::Consume.
  Step Consume(Bytes data);

  /// Both valid at kReply. REP of SOCKS5, CD of SOCKS4, or one of ours.
  std::uint8_t code() const { return code_; }
  bool granted() const;
  /// At a reply of SOCKS5, BND.ADDR and BND.PORT. False when the address is a
  /// name, or was left out.
  bool Bound(Endpoint* endpoint) const;

 private:
  enum class State : std::uint8_t {
    kVersion,
    kMethod,
    kPasswordVersion,
    kPasswordStatus,
    kReplyVersion,
    kCode,
    kReserved,
    kAddressType,
    kDomainLength,
    kAddressAndPort,
    kReplyVersion4,
    kCode4,
    kDone,
    kLost,
  };

  bool Take(std::uint8_t byte);
  bool TakeMethod(std::uint8_t byte);
  bool TakeAddressType(std::uint8_t byte);
  bool TakeCode4(std::uint8_t byte);
  bool Next(State state);
  bool Fail(std::uint8_t code);
  bool Skip(State state, std::uint16_t size);

  std::array<std::uint8_t, 18> bound_{};  // as it came
  std::uint8_t bound_size_ = 0;           // of an address and its port, or 0
  std::uint8_t code_ = 0;
  std::uint16_t left_ = 0;
  int version_ = 5;
  State state_ = State::kVersion;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_SOCKS_H_
