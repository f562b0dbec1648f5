#include "collector/accounts/session_id.h"

#include <gtest/gtest.h>

namespace proxymeter::collector {
namespace {

TEST(SessionId, HexIsReversible) {
  SessionId id{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<std::uint8_t>(i * 17);
  }
  EXPECT_EQ(ToHex(id), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(SessionIdFromHex(ToHex(id)), id);
}

TEST(SessionId, RefusesOtherNames) {
  EXPECT_FALSE(SessionIdFromHex(""));
  EXPECT_FALSE(SessionIdFromHex("."));
  EXPECT_FALSE(SessionIdFromHex("00112233445566778899aabbccddeef"));
  EXPECT_FALSE(SessionIdFromHex("00112233445566778899aabbccddeeff0"));
  EXPECT_FALSE(SessionIdFromHex("00112233445566778899AABBCCDDEEFF"));
  EXPECT_FALSE(SessionIdFromHex("00112233445566778899aabbccddeefg"));
}

}  // namespace
}  // namespace proxymeter::collector
