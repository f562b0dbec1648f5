#include "shim/protocol/http2_streams.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace proxymeter::protocol {
namespace {

using Stream = Http2Streams::Stream;

class Http2StreamsTest : public testing::Test {
 protected:
  Http2StreamsTest() { streams_.Begin(); }

  bool Known(std::uint32_t id) const { return streams_.Find(id).known; }

  Http2Streams streams_;
};

TEST_F(Http2StreamsTest, AStreamIsRememberedUntilBothSidesHaveEndedIt) {
  EXPECT_FALSE(Known(1));
  EXPECT_TRUE(streams_.Add(1, {.grpc = true, .tag = 7}));
  EXPECT_TRUE(streams_.Add(3, {.tag = 8}));
  EXPECT_FALSE(streams_.has_tunnels());
  streams_.End(1, Http2Speaker::kClient);
  streams_.End(1, Http2Speaker::kClient);
  EXPECT_TRUE(streams_.Find(1).grpc);
  EXPECT_EQ(streams_.Find(1).tag, 7u);
  streams_.End(1, Http2Speaker::kServer);
  EXPECT_FALSE(Known(1));
  streams_.End(3, Http2Speaker::kServer);
  EXPECT_FALSE(streams_.Find(3).grpc);
  EXPECT_EQ(streams_.Find(3).tag, 8u);
  streams_.End(3, Http2Speaker::kClient);
  EXPECT_FALSE(Known(3));
  EXPECT_FALSE(Known(0));
  EXPECT_TRUE(streams_.Add(5, {.tunnel = true}));
  EXPECT_TRUE(streams_.Find(5).tunnel);
  EXPECT_TRUE(streams_.has_tunnels());
}

TEST_F(Http2StreamsTest, WhatTheClientGaveUpIsForgottenWhenThereIsNoRoom) {
  constexpr std::uint32_t kLast = 2 * Http2Streams::kCapacity - 1;
  for (std::uint32_t id = 1; id <= kLast; id += 2) {
    EXPECT_TRUE(streams_.Add(id, {.tag = id}));
  }
  EXPECT_FALSE(streams_.Add(kLast + 2, {}));
  streams_.Reset(101, Http2Speaker::kClient);
  EXPECT_EQ(streams_.Find(101).tag, 101u);
  EXPECT_TRUE(streams_.Add(kLast + 2, {.tag = 9}));
  EXPECT_FALSE(Known(101));
  EXPECT_EQ(streams_.Find(kLast + 2).tag, 9u);
  EXPECT_FALSE(streams_.Add(kLast + 4, {}));
  streams_.Reset(55, Http2Speaker::kServer);
  EXPECT_FALSE(Known(55));
  EXPECT_TRUE(streams_.Add(kLast + 4, {}));
  for (std::uint32_t id = 1; id <= kLast; id += 2) {
    EXPECT_EQ(Known(id), id != 101 && id != 55) << id;
  }
}

TEST_F(Http2StreamsTest, WhatAPeerAllowsIsOnlyEverMore) {
  EXPECT_EQ(streams_.max_frame(Http2Speaker::kServer), 16384u);
  streams_.AllowFrame(Http2Speaker::kServer, 20000);
  streams_.AllowFrame(Http2Speaker::kServer, 16384);
  EXPECT_EQ(streams_.max_frame(Http2Speaker::kServer), 20000u);
  EXPECT_EQ(streams_.max_frame(Http2Speaker::kClient), 16384u);
}

TEST_F(Http2StreamsTest, OneThreadAnswersWhatAnotherAsks) {
  constexpr std::uint32_t kLast = 60'001;
  constexpr std::uint32_t kInFlight = 2 * 100;
  std::atomic<std::uint32_t> answered{0};
  std::uint32_t wrong = 0;
  std::thread receiver([&] {
    for (std::uint32_t id = 1; id <= kLast; id += 2) {
      while (streams_.newest() < id) std::this_thread::yield();
      const Stream stream = streams_.Find(id);
      if (!stream.known || stream.tag != id + 5u ||
          stream.grpc != (id % 5 == 0)) {
        ++wrong;
      }
      streams_.End(id, Http2Speaker::kServer);
      answered.store(id);
    }
  });
  std::uint32_t refused = 0;
  for (std::uint32_t id = 1; id <= kLast; id += 2) {
    while (id - answered.load() > kInFlight && id > kInFlight) {
      std::this_thread::yield();
    }
    if (!streams_.Add(id, {.grpc = id % 5 == 0, .tag = id + 5u})) ++refused;
    streams_.set_newest(id);
    if (id % 3 == 0) {
      streams_.Reset(id, Http2Speaker::kClient);
    } else {
      streams_.End(id, Http2Speaker::kClient);
    }
  }
  receiver.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(refused, 0u);
  for (std::uint32_t id = 1; id <= kLast; id += 2) ASSERT_FALSE(Known(id));
}

TEST_F(Http2StreamsTest, AResponseBeginsOnce) {
  EXPECT_FALSE(streams_.Begin(1));
  ASSERT_TRUE(streams_.Add(1, {.tag = 7, .since_ns = 9}));
  EXPECT_EQ(streams_.Find(1).since_ns, 9u);
  EXPECT_TRUE(streams_.Begin(1));
  EXPECT_FALSE(streams_.Begin(1));
  EXPECT_EQ(streams_.Find(1).tag, 7u);
  streams_.End(1, Http2Speaker::kClient);
  streams_.End(1, Http2Speaker::kServer);
  EXPECT_FALSE(streams_.Begin(1));
  ASSERT_TRUE(streams_.Add(1, {}));
  EXPECT_TRUE(streams_.Begin(1));
}

}  // namespace
}  // namespace proxymeter::protocol
