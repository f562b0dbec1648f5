#include "shim/protocol/socks.h"

#include <algorithm>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kVersion4 = 4;
constexpr std::uint8_t kVersion5 = 5;
constexpr std::uint8_t kPasswordVersion = 1;
constexpr std::uint8_t kMethodNone = 0;
constexpr std::uint8_t kMethodPassword = 2;
constexpr std::uint8_t kBind = 2;
constexpr std::uint8_t kUdpAssociate = 3;
constexpr std::uint8_t kTypeIpv4 = 1;
constexpr std::uint8_t kTypeDomain = 3;
constexpr std::uint8_t kTypeIpv6 = 4;
constexpr std::uint8_t kPortSize = 2;
constexpr std::uint8_t kIpv4Size = 4;
constexpr std::uint8_t kIpv6Size = 16;
constexpr std::uint8_t kFirstCode4 = 90;
constexpr std::uint8_t kLastCode4 = 93;

}  // namespace

void SocksClientParser::Reset() {
  host_.Clear();
  port_ = 0;
  version_ = 0;
  command_ = 0;
  password_offered_ = false;
  authenticated_ = false;
  state_ = State::kVersion;
}

SocksClientParser::Step SocksClientParser::Consume(
    Bytes data, ProxyCredentials* credentials) {
  std::size_t at = 0;
  while (state_ != State::kDone && state_ != State::kLost) {
    if (at == data.size()) return {at, Event::kNone};
    if (Take(data[at], credentials)) {
      ++at;
    } else {
      state_ = State::kLost;
    }
  }
  return {at, state_ == State::kDone ? Event::kTarget : Event::kLost};
}

bool SocksClientParser::Take(std::uint8_t byte, ProxyCredentials* credentials) {
  switch (state_) {
    case State::kVersion:
      return TakeVersion(byte);
    case State::kMethodCount:
      return byte > 0 && Start(State::kMethods, byte);
    case State::kMethods:
      return TakeMethod(byte);
    case State::kRequest:
      if (byte == kVersion5) return Start(State::kCommand, 1);
      // GSSAPI begins with the same byte: only a client that offered a password
      // can be understood.
      return byte == kPasswordVersion && password_offered_ && !authenticated_ &&
             Start(State::kUserLength, 1);
    case State::kUserLength:
    case State::kUser:
    case State::kPasswordLength:
    case State::kPassword:
      return TakeAuthentication(byte, credentials);
    case State::kCommand:
    case State::kReserved:
    case State::kAddressType:
    case State::kAddress:
    case State::kDomainLength:
    case State::kDomain:
    case State::kPort:
      return TakeRequest(byte);
    case State::kCommand4:
    case State::kPort4:
    case State::kAddress4:
    case State::kUser4:
    case State::kDomain4:
      return TakeRequest4(byte, credentials);
    case State::kDone:
    case State::kLost:
      break;
  }
  return false;
}

bool SocksClientParser::TakeVersion(std::uint8_t byte) {
  if (byte != kVersion4 && byte != kVersion5) return false;
  version_ = byte;
  return Start(byte == kVersion5 ? State::kMethodCount : State::kCommand4, 1);
}

bool SocksClientParser::TakeMethod(std::uint8_t byte) {
  if (byte == kMethodPassword) password_offered_ = true;
  return --left_ > 0 || Start(State::kRequest, 1);
}

bool SocksClientParser::TakeAuthentication(std::uint8_t byte,
                                           ProxyCredentials* credentials) {
  switch (state_) {
    case State::kUserLength:
      return Start(byte > 0 ? State::kUser : State::kPasswordLength, byte);
    case State::kUser:
      if (credentials != nullptr) credentials->AppendUser(byte);
      return --left_ > 0 || Start(State::kPasswordLength, 1);
    case State::kPasswordLength:
      authenticated_ = true;
      return Start(byte > 0 ? State::kPassword : State::kRequest, byte);
    default:
      if (credentials != nullptr) credentials->AppendPassword(byte);
      return --left_ > 0 || Start(State::kRequest, 1);
  }
}

bool SocksClientParser::TakeRequest(std::uint8_t byte) {
  switch (state_) {
    case State::kCommand:
      command_ = byte;
      return byte >= 1 && byte <= kUdpAssociate && Start(State::kReserved, 1);
    case State::kReserved:
      return Start(State::kAddressType, 1);
    case State::kAddressType:
      return TakeAddressType(byte);
    case State::kAddress:
      if (!AddressDone(byte)) return true;
      host_.AssignAddress({address_.data(), size_});
      return Start(State::kPort, kPortSize);
    case State::kDomainLength:
      return byte > 0 && Start(State::kDomain, byte);
    case State::kDomain:
      host_.AppendHost(byte);
      if (--left_ > 0) return true;
      host_.FinishHost();
      return Start(State::kPort, kPortSize);
    default:
      TakePort(byte, State::kDone);
      return true;
  }
}

bool SocksClientParser::TakeAddressType(std::uint8_t byte) {
  switch (byte) {
    case kTypeIpv4:
      return Start(State::kAddress, kIpv4Size);
    case kTypeIpv6:
      return Start(State::kAddress, kIpv6Size);
    case kTypeDomain:
      return Start(State::kDomainLength, 1);
    default:
      return false;
  }
}

bool SocksClientParser::TakeRequest4(std::uint8_t byte,
                                     ProxyCredentials* credentials) {
  switch (state_) {
    case State::kCommand4:
      command_ = byte;
      return byte >= 1 && byte <= kBind && Start(State::kPort4, kPortSize);
    case State::kPort4:
      TakePort(byte, State::kAddress4);
      return true;
    case State::kAddress4:
      return !AddressDone(byte) || Start(State::kUser4, 1);
    case State::kUser4:
      if (byte == 0) return EndUser4();
      if (credentials != nullptr) credentials->AppendUser(byte);
      return true;
    default:
      if (byte != 0) {
        host_.AppendHost(byte);
        return true;
      }
      host_.FinishHost();
      state_ = State::kDone;
      return !host_.empty();
  }
}

// SOCKS4a: an impossible address, 0.0.0.x, says that a domain follows.
bool SocksClientParser::EndUser4() {
  if (address_[0] == 0 && address_[1] == 0 && address_[2] == 0 &&
      address_[3] != 0) {
    return Start(State::kDomain4, 1);
  }
  host_.AssignAddress({address_.data(), kIpv4Size});
  state_ = State::kDone;
  return true;
}

void SocksClientParser::TakePort(std::uint8_t byte, State next) {
  port_ = static_cast<std::uint16_t>(port_ << 8 | byte);
  if (--left_ == 0) Start(next, kIpv4Size);
}

bool SocksClientParser::Start(State state, std::uint8_t size) {
  state_ = state;
  size_ = size;
  left_ = size;
  return true;
}

bool SocksClientParser::AddressDone(std::uint8_t byte) {
  address_[size_ - left_] = byte;
  return --left_ == 0;
}

void SocksServerParser::Reset(int version) {
  version_ = version;
  code_ = 0;
  bound_size_ = 0;
  state_ = version == kVersion5   ? State::kVersion
           : version == kVersion4 ? State::kReplyVersion4
                                  : State::kLost;
}

bool SocksServerParser::granted() const {
  return state_ == State::kDone &&
         code_ == (version_ == kVersion5 ? 0 : kFirstCode4);
}

bool SocksServerParser::Bound(Endpoint* endpoint) const {
  if (state_ != State::kDone || bound_size_ == 0) return false;
  const std::size_t size = bound_size_ - kPortSize;
  if (size == kIpv4Size) {
    endpoint->address = MappedIpv4(bound_[0], bound_[1], bound_[2], bound_[3]);
  } else {
    std::copy_n(bound_.begin(), size, endpoint->address.begin());
  }
  endpoint->port =
      static_cast<std::uint16_t>(bound_[size] << 8 | bound_[size + 1]);
  return true;
}

SocksServerParser::Step SocksServerParser::Consume(Bytes data) {
  std::size_t at = 0;
  while (state_ != State::kDone && state_ != State::kLost) {
    if (at == data.size()) return {at, Event::kNone};
    if (Take(data[at])) {
      ++at;
    } else {
      state_ = State::kLost;
    }
  }
  return {at, state_ == State::kDone ? Event::kReply : Event::kLost};
}

bool SocksServerParser::Take(std::uint8_t byte) {
  switch (state_) {
    case State::kVersion:
      return byte == kVersion5 && Next(State::kMethod);
    case State::kMethod:
      return TakeMethod(byte);
    case State::kPasswordVersion:
      // Some proxies answer with the version of SOCKS instead of RFC 1929's.
      return (byte == kPasswordVersion || byte == kVersion5) &&
             Next(State::kPasswordStatus);
    case State::kPasswordStatus:
      return byte == 0 ? Next(State::kReplyVersion) : Fail(kBadPassword);
    case State::kReplyVersion:
      return byte == kVersion5 && Next(State::kCode);
    case State::kCode:
      code_ = byte;
      return Next(State::kReserved);
    case State::kReserved:
      return Next(State::kAddressType);
    case State::kAddressType:
      return TakeAddressType(byte);
    case State::kDomainLength:
      return Skip(State::kAddressAndPort,
                  static_cast<std::uint16_t>(byte + kPortSize));
    case State::kReplyVersion4:
      // The reply's version is 0, but some proxies echo the client's 4.
      return (byte == 0 || byte == kVersion4) && Next(State::kCode4);
    case State::kCode4:
      return TakeCode4(byte);
    case State::kAddressAndPort:
      if (bound_size_ != 0) bound_[bound_size_ - left_] = byte;
      return --left_ > 0 || Next(State::kDone);
    case State::kDone:
    case State::kLost:
      break;
  }
  return false;
}

bool SocksServerParser::TakeMethod(std::uint8_t byte) {
  switch (byte) {
    case kMethodNone:
      return Next(State::kReplyVersion);
    case kMethodPassword:
      return Next(State::kPasswordVersion);
    case kNoMethod:
      return Fail(kNoMethod);
    default:
      return false;
  }
}

bool SocksServerParser::TakeAddressType(std::uint8_t byte) {
  switch (byte) {
    case kTypeIpv4:
      bound_size_ = kIpv4Size + kPortSize;
      return Skip(State::kAddressAndPort, bound_size_);
    case kTypeIpv6:
      bound_size_ = kIpv6Size + kPortSize;
      return Skip(State::kAddressAndPort, bound_size_);
    case kTypeDomain:
      return Next(State::kDomainLength);
    default:
      // Proxies that refuse often leave the address out; no tunnel follows.
      return code_ != 0 && Next(State::kDone);
  }
}

bool SocksServerParser::TakeCode4(std::uint8_t byte) {
  code_ = byte;
  return byte >= kFirstCode4 && byte <= kLastCode4 &&
         Skip(State::kAddressAndPort, kPortSize + kIpv4Size);
}

bool SocksServerParser::Next(State state) {
  state_ = state;
  return true;
}

bool SocksServerParser::Fail(std::uint8_t code) {
  code_ = code;
  return Next(State::kDone);
}

bool SocksServerParser::Skip(State state, std::uint16_t size) {
  left_ = size;
  return Next(state);
}

}  // namespace proxymeter::protocol
