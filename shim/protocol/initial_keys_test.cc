#include "shim/protocol/initial_keys.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <type_traits>

namespace proxymeter::protocol {
namespace {

static_assert(std::is_trivially_destructible_v<InitialKeys>);
[[maybe_unused]] constinit InitialKeys constant_initialized;

std::string Counted(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += static_cast<char>(i * 167 + size);
  }
  return text;
}

Bytes AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename Array>
std::string Hex(const Array& bytes) {
  std::string hex;
  for (const std::uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

std::string Unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TEST(InitialKeysTest, DigestsAreOpenSsls) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string text = Counted(size);
    Digest expected;
    unsigned length = 0;
    ASSERT_EQ(EVP_Digest(text.data(), size, expected.data(), &length,
                         EVP_sha256(), nullptr),
              1);
    EXPECT_EQ(Sha256(AsBytes(text)), expected) << size;
    const std::string front = text.substr(0, size / 3);
    const std::string back = text.substr(size / 3);
    EXPECT_EQ(Sha256(AsBytes(front), AsBytes(back)), expected) << size;
    HMAC(EVP_sha256(), text.data(), static_cast<int>(size),
         reinterpret_cast<const unsigned char*>("message"), 7, expected.data(),
         &length);
    EXPECT_EQ(HmacSha256(AsBytes(text), AsBytes("mes"), AsBytes("sage")),
              expected)
        << size;
  }
}

TEST(InitialKeysTest, BlocksAreOpenSsls) {
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  for (int round = 0; round < 300; ++round) {
    Block key, block, expected;
    for (std::size_t i = 0; i < 16; ++i) {
      key[i] = static_cast<std::uint8_t>(round * 31 + i * 73);
      block[i] = static_cast<std::uint8_t>(round * 57 + i * 11);
    }
    EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, key.data(),
                       nullptr);
    int size = 0;
    EVP_EncryptUpdate(context, expected.data(), &size, block.data(), 16);
    ASSERT_EQ(size, 16);
    Aes128 aes;
    aes.SetKey(key);
    EXPECT_EQ(aes.Encrypt(block), expected) << round;
  }
  EVP_CIPHER_CTX_free(context);
}

// RFC 9001, A.2: sample, mask, and the front of the payload of packet 2.
TEST(InitialKeysTest, Version1IsTheRfcs) {
  InitialKeys keys;
  ASSERT_TRUE(
      keys.Derive(InitialKeys::kVersion1, AsBytes(Unhex("8394c8f03e515708"))));
  Block sample;
  const std::string text = Unhex("d1b1c98dd7689fb8ec11d242b123dc9b");
  std::copy(text.begin(), text.end(), sample.begin());
  EXPECT_EQ(Hex(keys.Mask(sample)).substr(0, 10), "437b9aec36");
  std::string payload = Unhex(
      "d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec"
      "356c0bab7df5976d27cd449f63300099f399");
  keys.Decrypt(
      2, {reinterpret_cast<std::uint8_t*>(payload.data()), payload.size()});
  EXPECT_EQ(Hex(AsBytes(payload)).substr(0, 64),
            "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868");
}

TEST(InitialKeysTest, OtherVersionsHaveNone) {
  InitialKeys keys;
  EXPECT_FALSE(keys.Derive(0, AsBytes("id")));
  EXPECT_FALSE(keys.Derive(0xff00001d, AsBytes("id")));
}

// RFC 9369, A.1 and A.2.
TEST(InitialKeysTest, Version2IsTheRfcs) {
  InitialKeys keys;
  ASSERT_TRUE(
      keys.Derive(InitialKeys::kVersion2, AsBytes(Unhex("8394c8f03e515708"))));
  Block sample;
  const std::string text = Unhex("ffe67b6abcdb4298b485dd04de806071");
  std::copy(text.begin(), text.end(), sample.begin());
  EXPECT_EQ(Hex(keys.Mask(sample)).substr(0, 10), "94a0c95e80");
}

}  // namespace
}  // namespace proxymeter::protocol
