// Packets as a client of QUIC sends them, protected by OpenSSL. Only tests
// include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_QUIC_TESTING_H_
#define PROXYMETER_SHIM_PROTOCOL_QUIC_TESTING_H_

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <string>

namespace proxymeter::protocol {

inline constexpr std::uint32_t kQuicV1 = 1;
inline constexpr std::uint32_t kQuicV2 = 0x6b3343cf;

inline std::string QuicVariable(std::uint64_t number) {
  std::string text;
  const int size = number < 64 ? 1 : number < 16384 ? 2 : 4;
  for (int i = size; i-- > 0;) text += static_cast<char>(number >> (8 * i));
  text[0] = static_cast<char>(text[0] | (size == 1 ? 0 : size == 2 ? 64 : 128));
  return text;
}

inline std::string QuicCrypto(std::size_t offset, const std::string& data) {
  return "\x06" + QuicVariable(offset) + QuicVariable(data.size()) + data;
}

inline std::string QuicHmac(const std::string& key, const std::string& text) {
  std::string digest(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

inline std::string QuicLabel(const std::string& secret, std::string label,
                             std::size_t size) {
  label = "tls13 " + label;
  std::string info = {0, static_cast<char>(size),
                      static_cast<char>(label.size())};
  info += label;
  info += '\0';
  info += '\1';
  return QuicHmac(secret, info).substr(0, size);
}

/// An Initial packet with these frames, filled up so that it has `size` bytes.
inline std::string QuicInitial(std::uint32_t version, const std::string& id,
                               std::uint32_t number, std::string frames,
                               std::size_t size = 1200,
                               const std::string& token = "") {
  const bool v2 = version == kQuicV2;
  const std::string salt =
      v2 ? std::string(
               "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e"
               "\x26\x9d\xcb\xf9\xbd\x2e\xd9",
               20)
         : std::string(
               "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4"
               "\xc8\x0c\xad\xcc\xbb\x7f\x0a",
               20);
  const std::string prefix = v2 ? "quicv2 " : "quic ";
  const std::string secret = QuicLabel(QuicHmac(salt, id), "client in", 32);
  const std::string key = QuicLabel(secret, prefix + "key", 16);
  std::string vector = QuicLabel(secret, prefix + "iv", 12);
  const std::string mask_key = QuicLabel(secret, prefix + "hp", 16);
  constexpr std::size_t kTag = 16, kNumber = 4;
  std::string header(1, static_cast<char>(0xc0 | (v2 ? 0x10 : 0) | 3));
  for (int shift = 24; shift >= 0; shift -= 8) {
    header += static_cast<char>(version >> shift);
  }
  header += static_cast<char>(id.size()) + id + '\0' +
            QuicVariable(token.size()) + token;
  const std::size_t front = header.size() + 2 + kNumber;
  if (front + frames.size() + kTag < size) {
    frames.resize(size - front - kTag, '\0');
  }
  std::string length = QuicVariable(kNumber + frames.size() + kTag);
  if (length.size() == 1) length = {64, length[0]};
  header += length;
  for (std::size_t i = 0; i < kNumber; ++i) {
    const auto byte = static_cast<char>(number >> (24 - 8 * i));
    header += byte;
    vector[8 + i] = static_cast<char>(vector[8 + i] ^ byte);
  }
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, bytes(key),
                     bytes(vector));
  int done = 0;
  EVP_EncryptUpdate(context, nullptr, &done, bytes(header),
                    static_cast<int>(header.size()));
  std::string hidden(frames.size() + kTag, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(hidden.data());
  EVP_EncryptUpdate(context, out, &done, bytes(frames),
                    static_cast<int>(frames.size()));
  EVP_EncryptFinal_ex(context, out + done, &done);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag,
                      out + frames.size());
  unsigned char mask[16];
  EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, bytes(mask_key),
                     nullptr);
  EVP_EncryptUpdate(context, mask, &done, out, 16);
  EVP_CIPHER_CTX_free(context);
  header[0] = static_cast<char>(header[0] ^ (mask[0] & 15));
  for (std::size_t i = 0; i < kNumber; ++i) {
    char& byte = header[header.size() - kNumber + i];
    byte = static_cast<char>(byte ^ mask[1 + i]);
  }
  return header + hidden;
}

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_QUIC_TESTING_H_
