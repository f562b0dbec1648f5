#include "shim/protocol/tls_turns.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace proxymeter::protocol {
namespace {

static_assert(std::is_trivially_destructible_v<ClientTurns>);
static_assert(std::is_trivially_destructible_v<ServerTurns>);
[[maybe_unused]] constinit ServerTurns constant_initialized;

constexpr auto k12 = TlsVersion::kTls12;
constexpr auto k13 = TlsVersion::kTls13;
constexpr std::uint16_t kSha256 = 0x1301;
constexpr std::uint16_t kSha384 = 0x1302;

TEST(TlsTurns, PlaintextIsARecordWithoutWhatSurroundsIt) {
  const struct {
    TlsVersion version;
    std::uint16_t suite;
    std::size_t overhead;
  } cases[] = {
      {k13, kSha256, 17},  // AES_128_GCM
      {k13, 0x1305, 9},    // AES_128_CCM_8
      {k12, 0xc02b, 24},   // ECDHE_ECDSA_WITH_AES_128_GCM
      {k12, 0x009d, 24},   // RSA_WITH_AES_256_GCM
      {k12, 0xcca8, 16},   // ECDHE_RSA_WITH_CHACHA20_POLY1305
      {k12, 0xc09c, 24},   // RSA_WITH_AES_128_CCM
      {k12, 0xc0ae, 16},   // ECDHE_ECDSA_WITH_AES_128_CCM_8
      {k12, 0xc013, 37},   // ECDHE_RSA_WITH_AES_128_CBC_SHA, no padding
      {TlsVersion::kTls10, 0x002f, 21},
  };
  for (const auto& [version, suite, overhead] : cases) {
    EXPECT_EQ(TlsPlaintextSize(version, suite, 1000), 1000 - overhead) << suite;
    EXPECT_EQ(TlsPlaintextSize(version, suite, overhead), 0u) << suite;
    EXPECT_EQ(TlsPlaintextSize(version, suite, 3), 0u) << suite;
  }
}

TEST(ClientTurnsTest, ARequestFollowsTheServersTurn) {
  ClientTurns turns;
  const auto begins = [&](std::size_t size, bool answered) {
    return turns.Begins(size, answered, k12, IsHttp2::kNo);
  };
  EXPECT_TRUE(begins(100, false));
  EXPECT_FALSE(begins(5000, false));
  EXPECT_TRUE(begins(100, true));
  // The first byte apart, as against BEAST.
  EXPECT_FALSE(begins(1, true));
  EXPECT_TRUE(begins(99, true));
  EXPECT_TRUE(begins(18, true));
  EXPECT_FALSE(begins(17, true));
}

TEST(ClientTurnsTest, WhatTls13SaysItselfIsNoRequest) {
  ClientTurns turns;
  const auto begins = [&](std::size_t size, TlsVersion version) {
    return turns.Begins(size, true, version, IsHttp2::kYes);
  };
  EXPECT_FALSE(begins(2, k13));
  EXPECT_FALSE(begins(5, k13));
  EXPECT_TRUE(begins(18, k13));
  EXPECT_TRUE(begins(21, k13));
  EXPECT_TRUE(begins(2, k12));
  turns.Finished(4 + 32, kSha256);
  EXPECT_TRUE(begins(18, k13));
  turns.Finished(4 + 48, kSha384);
  EXPECT_TRUE(begins(18, k13));
  // As long as SHA-384's without padding.
  turns.Finished(4 + 32 + 16, kSha256);
  EXPECT_FALSE(begins(18, k13));
  EXPECT_FALSE(begins(21, k13));
  EXPECT_TRUE(begins(2, k13));
}

TEST(ClientTurnsTest, InHttp2EveryHeaderBlockIsARequest) {
  ClientTurns turns;
  const auto begins = [&](std::size_t size, bool answered = false) {
    return turns.Begins(size, answered, k13, IsHttp2::kMaybe);
  };
  EXPECT_FALSE(begins(24 + 9 + 6 * 4 + 13));
  EXPECT_TRUE(begins(300));
  EXPECT_TRUE(begins(35));
  EXPECT_TRUE(begins(15));
  for (const std::size_t by_the_way : {9, 13, 14, 17, 22, 26, 39}) {
    EXPECT_FALSE(begins(by_the_way)) << by_the_way;
  }
  // A body, and its end.
  EXPECT_TRUE(begins(50));
  EXPECT_FALSE(begins(16393));
  EXPECT_FALSE(begins(42));
  EXPECT_FALSE(begins(13));
  EXPECT_FALSE(begins(42));
  EXPECT_TRUE(begins(35, true));
  EXPECT_TRUE(begins(35));
}

TEST(ClientTurnsTest, WhereItMayBeHttp1RequestsTakeTurns) {
  ClientTurns turns;
  const auto begins = [&](std::size_t size, bool answered = false) {
    return turns.Begins(size, answered, k13, IsHttp2::kMaybe);
  };
  EXPECT_TRUE(begins(300));
  EXPECT_FALSE(begins(300));
  EXPECT_TRUE(begins(300, true));
}

TEST(ServerTurnsTest, InterimResponsesAreNoTurn) {
  ServerTurns turns;
  EXPECT_FALSE(turns.Answers(25, k12, IsHttp2::kNo));
  EXPECT_TRUE(turns.Answers(26, k12, IsHttp2::kNo));
}

TEST(ServerTurnsTest, TicketsComeFirstAndInOneSize) {
  const auto answers = [](std::initializer_list<std::size_t> sizes,
                          TlsVersion version) {
    ServerTurns turns;
    bool answer = false;
    for (const std::size_t size : sizes) {
      answer = turns.Answers(size, version, IsHttp2::kNo);
    }
    return answer;
  };
  EXPECT_FALSE(answers({250}, k13));
  EXPECT_FALSE(answers({250, 250}, k13));
  EXPECT_TRUE(answers({250, 250, 250}, k13));
  EXPECT_TRUE(answers({250, 300}, k13));
  EXPECT_TRUE(answers({39}, k13));
  EXPECT_TRUE(answers({1501}, k13));
  EXPECT_TRUE(answers({250}, k12));
}

TEST(ServerTurnsTest, SettingsAreNoTurnAndTellHttp2) {
  ServerTurns turns;
  const auto answers = [&](std::size_t size) {
    return turns.Answers(size, k13, IsHttp2::kMaybe);
  };
  EXPECT_FALSE(answers(281));
  EXPECT_FALSE(answers(281));
  EXPECT_FALSE(turns.began_as_http2());
  EXPECT_FALSE(answers(9 + 6 * 3 + 13));
  EXPECT_TRUE(turns.began_as_http2());
  EXPECT_FALSE(answers(9));
  EXPECT_TRUE(answers(40));
  EXPECT_FALSE(answers(13));
}

}  // namespace
}  // namespace proxymeter::protocol
