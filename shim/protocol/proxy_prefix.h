// The PROXY protocol: whom a connection is made for, said before all else.
#ifndef PROXYMETER_SHIM_PROTOCOL_PROXY_PREFIX_H_
#define PROXYMETER_SHIM_PROTOCOL_PROXY_PREFIX_H_

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Finds the end of what a client sends first in the PROXY protocol, version 1
/// or 2 (proxy-protocol.txt of HAProxy, of 2020/03/05). The addresses in it are
/// looked at only to tell whether it is one.
class ProxyPrefixParser {
 public:
  enum class Event : std::uint8_t {
    kNone,       ///< everything consumed, more is to come
    kEnd,        ///< the last byte consumed was its last
    kAbsent,     ///< it is none; seen() says what was consumed
    kMalformed,  ///< it began as one, and is none that a server takes
  };
  struct Step {
    std::size_t consumed;
    Event event;
  };

  void Reset() { *this = {}; }

  /// Once the event is another than kNone, it stays, and nothing is consumed.
  Step Consume(Bytes data);

  /// What such a connection may begin with.
  static bool MayStart(std::uint8_t byte) {
    return byte == 'P' || byte == '\r';
  }
  /// At kAbsent: all bytes consumed so far.
  Bytes seen() const;

 private:
  enum class Phase : std::uint8_t { kSignature, kText, kHeader, kAddresses };
  enum class Family : std::uint8_t { kIpv4, kIpv6, kUnknown };

  Step TakeAll(Bytes data);
  Event Take(std::uint8_t byte);
  Event TakeText(std::uint8_t byte);
  bool EndField();
  Event TakeHeader(std::uint8_t byte);

  Phase phase_ = Phase::kSignature;
  Event over_ = Event::kNone;
  bool binary_ = false;
  std::uint8_t size_ = 0;  // of the signature, the line or the fixed part
  std::uint8_t field_ = 0;
  std::uint8_t field_size_ = 0;
  Family family_ = Family::kUnknown;
  std::uint8_t command_ = 0;
  std::uint8_t least_ = 0;   // bytes that the addresses take
  std::uint32_t value_ = 0;  // of a port; of a word, its letters
  std::uint32_t left_ = 0;   // bytes of the binary form still to come
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_PROXY_PREFIX_H_
