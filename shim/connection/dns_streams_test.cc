#include "shim/connection/dns_streams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace proxymeter::shim {
namespace {

class DnsStreamsTest : public testing::Test {
 protected:
  DnsStreamsTest() { streams_.Clear(); }
  ~DnsStreamsTest() override { streams_.Clear(); }

  std::string Received(int fd, std::string_view data,
                       std::uint32_t process = 1) {
    std::string messages;
    streams_.Received(
        DnsStreams::Of(fd), process,
        {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()},
        [&](protocol::Bytes message) {
          messages.append(message.begin(), message.end());
          messages += ' ';
        });
    return messages;
  }

  static constexpr std::string_view kOne{"\0\3one", 5};
  static constexpr std::string_view kCut{"\0\3o", 3};

  DnsStreams streams_;
};

TEST_F(DnsStreamsTest, EachHasItsOwnPlace) {
  streams_.Begin(DnsStreams::Of(5), 1);
  streams_.Begin(DnsStreams::Of(6), 1);
  EXPECT_EQ(Received(5, kCut), "");
  EXPECT_EQ(Received(6, kOne), "one ");
  EXPECT_EQ(Received(5, "ld"), "old ");
  EXPECT_EQ(Received(7, kOne), "");
}

TEST_F(DnsStreamsTest, ANumberThatIsUsedAgainBeginsAnew) {
  streams_.Begin(DnsStreams::Of(5), 1);
  EXPECT_EQ(Received(5, kCut), "");
  streams_.Begin(DnsStreams::Of(5), 1);
  EXPECT_EQ(Received(5, kOne), "one ");
  streams_.End(DnsStreams::Of(5));
  EXPECT_EQ(Received(5, kOne), "");
}

TEST_F(DnsStreamsTest, TheOldestMakesRoom) {
  const int most = DnsStreams::kMost;
  for (int fd = 0; fd < most + 1; ++fd) streams_.Begin(DnsStreams::Of(fd), 1);
  EXPECT_EQ(Received(0, kOne), "");
  for (int fd = 1; fd < most + 1; ++fd) EXPECT_EQ(Received(fd, kOne), "one ");
  // One that has ended does so first.
  streams_.End(DnsStreams::Of(7));
  streams_.Begin(DnsStreams::Of(1000), 1);
  EXPECT_EQ(Received(1, kOne), "one ");
  EXPECT_EQ(Received(1000, kOne), "one ");
}

TEST_F(DnsStreamsTest, AChildHasOnlyAPart) {
  streams_.Begin(DnsStreams::Of(5), 1);
  EXPECT_EQ(Received(5, kOne, /*process=*/2), "");
}

TEST_F(DnsStreamsTest, WhatIsLostStaysSo) {
  streams_.Begin(DnsStreams::Of(5), 1);
  streams_.Lose(DnsStreams::Of(5));
  EXPECT_EQ(Received(5, kOne), "");
  EXPECT_EQ(Received(5, kOne), "");
}

// As two threads would that read one stream.
TEST_F(DnsStreamsTest, WhoComesSecondIsNotWaitedFor) {
  streams_.Begin(DnsStreams::Of(5), 1);
  const std::uint8_t one[] = {0, 1, 'x', 0, 1, 'y'};
  int messages = 0;
  streams_.Received(DnsStreams::Of(5), 1, one, [&](protocol::Bytes) {
    ++messages;
    EXPECT_EQ(Received(5, kOne), "");
  });
  EXPECT_EQ(messages, 2);
  EXPECT_EQ(Received(5, kOne), "");  // Its order is not known any more.
}

// More streams than there is room for, by several threads: some are given up,
// but nobody is told what another one's server said.
TEST_F(DnsStreamsTest, ThreadsAreNotMixedUp) {
  constexpr int kThreads = 4;
  constexpr int kStreamsEach = DnsStreams::kMost / 2;
  std::atomic<int> right{0};
  std::atomic<int> wrong{0};
  const auto talk = [&](int thread) {
    for (int i = 0; i < 20'000; ++i) {
      const int fd = thread * kStreamsEach + i % kStreamsEach;
      const auto number = static_cast<std::uint8_t>(fd);
      const std::uint8_t message[] = {0, 3, number, number, number};
      const auto feed = [&](protocol::Bytes piece) {
        streams_.Received(
            DnsStreams::Of(fd), 1, piece, [&](protocol::Bytes said) {
              const bool whole =
                  std::equal(said.begin(), said.end(), message + 2,
                             message + sizeof(message));
              ++(whole ? right : wrong);
            });
      };
      streams_.Begin(DnsStreams::Of(fd), 1);
      feed({message, 3});
      feed({message + 3, 2});
      if (i % 3 == 0) streams_.End(DnsStreams::Of(fd));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(talk, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 0);
}

}  // namespace
}  // namespace proxymeter::shim
