// The first packets of a QUIC client.
#ifndef PROXYMETER_SHIM_PROTOCOL_QUIC_HELLO_H_
#define PROXYMETER_SHIM_PROTOCOL_QUIC_HELLO_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/client_hello.h"
#include "shim/protocol/initial_keys.h"

namespace proxymeter::protocol {

/// The version (RFC 9000, 15) of what a client sends first on a connection, or
/// 0 when `datagram` is no such thing.
std::uint32_t QuicVersionOfFirst(Bytes datagram);

/// Bytes that SOCKS 5 puts in front of a datagram (RFC 1928, 7) whose content
/// could be QUIC; 0 when there are none. The host it is for goes to `target`.
std::size_t SocksDatagramHeader(Bytes datagram, HostName* target);

/// Reads the ClientHello out of Initial packets (RFC 9000, 17.2.2) of versions
/// 1 and 2, whose CRYPTO frames may come in any order. Some 6 KB, for as long
/// as the hello is not complete.
class QuicHello {
 public:
  enum class Status : std::uint8_t {
    kNeedMore,
    kDone,
    kLost,  ///< cannot be read: another version, another message, too long
  };

  void Reset();

  /// Takes one datagram, or several that were sent as one (UDP_SEGMENT).
  Status Consume(Bytes datagram);

  /// At kDone.
  const ClientHelloParser& hello() const { return hello_; }

 private:
  static constexpr std::size_t kMostPacket = 1500;
  static constexpr std::size_t kMostHello = 4096;

  class Reader;

  bool OpenPacket(Bytes header, Bytes packet);
  bool ReadFrames(Bytes payload);
  bool Keep(std::uint64_t offset, Bytes data);
  void ReadHello();

  Status status_ = Status::kNeedMore;
  std::uint32_t version_ = 0;  // that the keys are of
  std::uint8_t id_size_ = 0;
  std::array<std::uint8_t, 20> id_{};
  std::size_t read_ = 0;  // bytes of the hello that were read
  InitialKeys keys_;
  ClientHelloParser hello_;
  std::array<std::uint8_t, kMostHello / 8> have_{};  // a bit for each byte
  std::array<std::uint8_t, kMostHello> bytes_{};
  std::array<std::uint8_t, kMostPacket> payload_{};
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_QUIC_HELLO_H_
