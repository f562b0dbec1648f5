#include "shim/protocol/initial_keys.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kSubstitutes[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b,
    0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0,
    0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26,
    0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2,
    0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0,
    0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed,
    0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f,
    0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5,
    0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec,
    0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14,
    0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c,
    0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d,
    0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f,
    0x4b, 0xbd, 0x8b, 0x8a, 0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e,
    0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f,
    0xb0, 0x54, 0xbb, 0x16};

constexpr std::uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::uint32_t Rotate(std::uint32_t word, int right) {
  return word >> right | word << (32 - right);
}

class Sha256State {
 public:
  void Update(Bytes data) {
    for (const std::uint8_t byte : data) Put(byte);
    size_ += data.size();
  }

  Digest Finish() {
    Put(0x80);
    while (have_ != 56) Put(0);
    for (int shift = 56; shift >= 0; shift -= 8) {
      Put(static_cast<std::uint8_t>(size_ * 8 >> shift));
    }
    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - i % 4 * 8));
    }
    return digest;
  }

 private:
  void Put(std::uint8_t byte) {
    block_[have_++] = byte;
    if (have_ < block_.size()) return;
    have_ = 0;
    Compress();
  }

  void Compress() {
    std::uint32_t w[64];
    for (int i = 0; i < 16; ++i) {
      w[i] = static_cast<std::uint32_t>(block_[4 * i]) << 24 |
             static_cast<std::uint32_t>(block_[4 * i + 1]) << 16 |
             static_cast<std::uint32_t>(block_[4 * i + 2]) << 8 |
             block_[4 * i + 3];
    }
    for (int i = 16; i < 64; ++i) {
      const std::uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + (Rotate(a, 7) ^ Rotate(a, 18) ^ a >> 3) + w[i - 7] +
             (Rotate(b, 17) ^ Rotate(b, 19) ^ b >> 10);
    }
    auto s = state_;
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t e = s[4], a = s[0];
      const std::uint32_t first =
          s[7] + (Rotate(e, 6) ^ Rotate(e, 11) ^ Rotate(e, 25)) +
          ((e & s[5]) ^ (~e & s[6])) + kRounds[i] + w[i];
      const std::uint32_t second =
          (Rotate(a, 2) ^ Rotate(a, 13) ^ Rotate(a, 22)) +
          ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
      for (int j = 7; j > 0; --j) s[j] = s[j - 1];
      s[4] += first;
      s[0] = first + second;
    }
    for (int i = 0; i < 8; ++i) state_[i] += s[i];
  }

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                         0xa54ff53a, 0x510e527f, 0x9b05688c,
                                         0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_;
  std::size_t have_ = 0;
  std::uint64_t size_ = 0;
};

constexpr std::uint8_t Double(std::uint8_t byte) {
  return static_cast<std::uint8_t>(byte << 1 ^ (byte & 0x80 ? 0x1b : 0));
}

void Mix(Block* block, const Block& other) {
  for (std::size_t i = 0; i < block->size(); ++i) (*block)[i] ^= other[i];
}

// HKDF-Expand-Label (RFC 8446, 7.1) without a context, of at most one digest.
Digest ExpandLabel(const Digest& secret, std::string_view label,
                   std::uint8_t size) {
  constexpr std::string_view kPrefix = "tls13 ";
  std::uint8_t info[40] = {
      0, size, static_cast<std::uint8_t>(kPrefix.size() + label.size())};
  std::size_t at = 3;
  for (const std::string_view part : {kPrefix, label}) {
    std::memcpy(info + at, part.data(), part.size());
    at += part.size();
  }
  info[at++] = 0;  // the context's length
  constexpr std::uint8_t kFirst[] = {1};
  return HmacSha256(secret, Bytes(info, at), kFirst);
}

// RFC 9001, 5.2 and RFC 9369, 3.3.1.
constexpr std::uint8_t kSalt1[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                   0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                   0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::uint8_t kSalt2[] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6,
                                   0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
                                   0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

}  // namespace

Digest Sha256(Bytes first, Bytes second, Bytes third) {
  Sha256State state;
  state.Update(first);
  state.Update(second);
  state.Update(third);
  return state.Finish();
}

Digest HmacSha256(Bytes key, Bytes first, Bytes second) {
  std::array<std::uint8_t, 64> inner{};
  Digest hashed;
  if (key.size() > inner.size()) {
    hashed = Sha256(key);
    key = hashed;
  }
  std::copy(key.begin(), key.end(), inner.begin());
  std::array<std::uint8_t, 64> outer = inner;
  for (std::uint8_t& byte : inner) byte ^= 0x36;
  for (std::uint8_t& byte : outer) byte ^= 0x5c;
  return Sha256(outer, Sha256(inner, first, second));
}

void Aes128::SetKey(const Block& key) {
  round_keys_[0] = key;
  std::uint8_t round = 1;
  for (std::size_t i = 1; i < round_keys_.size(); ++i) {
    const Block& before = round_keys_[i - 1];
    Block& now = round_keys_[i];
    for (std::size_t j = 0; j < 4; ++j) {
      now[j] = before[j] ^ kSubstitutes[before[12 + (j + 1) % 4]];
    }
    now[0] ^= round;
    for (std::size_t j = 4; j < 16; ++j) now[j] = before[j] ^ now[j - 4];
    round = Double(round);
  }
}

Block Aes128::Encrypt(const Block& block) const {
  Block state = block;
  Mix(&state, round_keys_[0]);
  for (std::size_t round = 1; round < round_keys_.size(); ++round) {
    Block shifted;
    for (std::size_t i = 0; i < 16; ++i) {
      shifted[i] = kSubstitutes[state[(i + 4 * (i % 4)) % 16]];
    }
    if (round + 1 == round_keys_.size()) {
      state = shifted;
    } else {
      for (std::size_t column = 0; column < 16; column += 4) {
        const std::uint8_t* in = &shifted[column];
        for (std::size_t i = 0; i < 4; ++i) {
          const std::uint8_t a = in[i], b = in[(i + 1) % 4];
          state[column + i] = static_cast<std::uint8_t>(
              Double(a) ^ Double(b) ^ b ^ in[(i + 2) % 4] ^ in[(i + 3) % 4]);
        }
      }
    }
    Mix(&state, round_keys_[round]);
  }
  return state;
}

bool InitialKeys::Derive(std::uint32_t version, Bytes connection_id) {
  const bool second = version == kVersion2;
  if (version != kVersion1 && !second) return false;
  const Digest initial =
      HmacSha256(second ? Bytes(kSalt2) : Bytes(kSalt1), connection_id);
  const Digest client = ExpandLabel(initial, "client in", sizeof(Digest));
  const auto key = [&](std::string_view first_label,
                       std::string_view second_label, std::uint8_t size) {
    return ExpandLabel(client, second ? second_label : first_label, size);
  };
  const auto block = [](const Digest& digest) {
    Block front;
    std::copy_n(digest.begin(), front.size(), front.begin());
    return front;
  };
  payload_.SetKey(block(key("quic key", "quicv2 key", sizeof(Block))));
  header_.SetKey(block(key("quic hp", "quicv2 hp", sizeof(Block))));
  const Digest vector =
      key("quic iv", "quicv2 iv", static_cast<std::uint8_t>(vector_.size()));
  std::copy_n(vector.begin(), vector_.size(), vector_.begin());
  return true;
}

// The counter mode inside GCM (NIST SP 800-38D): block 1 is the tag's.
void InitialKeys::Decrypt(std::uint64_t packet_number,
                          std::span<std::uint8_t> payload) const {
  Block counter{};
  std::copy(vector_.begin(), vector_.end(), counter.begin());
  for (std::size_t i = 0; i < 8; ++i) {
    counter[vector_.size() - 1 - i] ^=
        static_cast<std::uint8_t>(packet_number >> (8 * i));
  }
  std::uint32_t number = 2;
  for (std::size_t at = 0; at < payload.size(); at += counter.size()) {
    for (std::size_t i = 0; i < 4; ++i) {
      counter[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    }
    ++number;
    const Block stream = payload_.Encrypt(counter);
    const std::size_t size =
        std::min<std::size_t>(stream.size(), payload.size() - at);
    for (std::size_t i = 0; i < size; ++i) payload[at + i] ^= stream[i];
  }
}

}  // namespace proxymeter::protocol
