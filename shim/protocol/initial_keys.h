// The cryptography that hides the first packets of QUIC from nobody: its keys
// follow from what stands in clear in front of them.
#ifndef PROXYMETER_SHIM_PROTOCOL_INITIAL_KEYS_H_
#define PROXYMETER_SHIM_PROTOCOL_INITIAL_KEYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

using Block = std::array<std::uint8_t, 16>;
using Digest = std::array<std::uint8_t, 32>;

/// FIPS 180-4.
Digest Sha256(Bytes first, Bytes second = {}, Bytes third = {});
/// RFC 2104, over the two parts of a message.
Digest HmacSha256(Bytes key, Bytes first, Bytes second = {});

/// AES with a key of 128 bits (FIPS 197). Not for secrets: how long it takes
/// depends on key and data.
class Aes128 {
 public:
  void SetKey(const Block& key);
  Block Encrypt(const Block& block) const;

 private:
  std::array<Block, 11> round_keys_{};
};

/// What protects a client's Initial packets (RFC 9001, 5.2 to 5.4).
class InitialKeys {
 public:
  static constexpr std::uint32_t kVersion1 = 1;
  static constexpr std::uint32_t kVersion2 = 0x6b3343cf;  // RFC 9369

  /// Of the connection whose first packets go to `connection_id`, at most 20
  /// bytes. False for other versions than the two.
  bool Derive(std::uint32_t version, Bytes connection_id);

  /// What the header is masked with, by the sample of the packet.
  Block Mask(const Block& sample) const { return header_.Encrypt(sample); }
  /// Decrypts the payload of the packet with this number in place. Whether it
  /// was sent so is not looked at: what comes out has to make sense.
  void Decrypt(std::uint64_t packet_number,
               std::span<std::uint8_t> payload) const;

 private:
  Aes128 payload_;
  Aes128 header_;
  std::array<std::uint8_t, 12> vector_{};
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_INITIAL_KEYS_H_
