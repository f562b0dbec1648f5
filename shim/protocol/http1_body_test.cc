#include "shim/protocol/http1_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

using testing::ElementsAre;

struct BodyObserver {
  Http1Body body;
  bool lost = false;

  Observed Consume(Bytes data) {
    if (lost) return {0, "lost", true};
    if (body.Skip(data.size())) return {data.size(), ""};
    const auto [consumed, status] = body.Consume(data);
    if (status == Http1Body::Status::kNeedMore) return {consumed, ""};
    lost = status == Http1Body::Status::kLost;
    return {consumed, lost ? "lost" : "end", true};
  }
};

/// Feeds a chunked body; what it says and how many bytes it took.
std::string ReadChunked(std::string_view text) {
  BodyObserver observer;
  observer.body.StartChunked();
  const auto seen = FeedEveryWay(text, observer);
  if (seen.empty()) return "";
  return seen[0].event + " " + std::to_string(seen[0].bytes.size());
}

TEST(Http1BodyTest, CountsALengthDown) {
  BodyObserver observer;
  observer.body.StartLength(5);
  EXPECT_THAT(FeedEveryWay("12345GET", observer),
              ElementsAre(Seen{"end", "12345"}));
  EXPECT_THAT(FeedEveryWay("1234", observer), ElementsAre(Seen{"", "1234"}));
  observer.body.StartLength(0);
  EXPECT_THAT(FeedEveryWay("GET", observer), ElementsAre(Seen{"end", ""}));
}

TEST(Http1BodyTest, SkipsOnlyWhatIsFollowedByMore) {
  Http1Body body;
  EXPECT_FALSE(body.Skip(0));
  body.StartLength(5);
  EXPECT_TRUE(body.Skip(4));
  EXPECT_FALSE(body.Skip(1));
  EXPECT_TRUE(body.Skip(0));
  body.StartUntilClose();
  EXPECT_TRUE(body.Skip(1 << 30));
  body.Reset();
  EXPECT_FALSE(body.Skip(0));
}

TEST(Http1BodyTest, UntilCloseOutlastsAnyCounter) {
  Http1Body body;
  body.StartUntilClose();
  EXPECT_TRUE(body.Skip(SIZE_MAX - 1));
  const std::array<std::uint8_t, 3> data{};
  ASSERT_FALSE(body.Skip(data.size()));
  EXPECT_EQ(body.Consume(data).status, Http1Body::Status::kNeedMore);
  EXPECT_TRUE(body.Skip(data.size()));
}

TEST(Http1BodyTest, FindsTheLastChunk) {
  EXPECT_EQ(ReadChunked("0\r\n\r\nrest"), "end 5");
  EXPECT_EQ(ReadChunked("3\r\nabc\r\n0\r\n\r\nrest"), "end 13");
  EXPECT_EQ(ReadChunked("3\nabc\n0\n\nrest"), "end 9");
  EXPECT_EQ(ReadChunked("0003\r\nabc\r\n0000\r\n\r\n"), "end 19");
  EXPECT_EQ(ReadChunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
            "end 35");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "1\r\nx\r\n";
  EXPECT_EQ(ReadChunked(many + "0\r\n\r\n"), "end 125");
  EXPECT_EQ(ReadChunked("3\r\n\r\n0\r\n0\r\n\r\n"), "end 13");
}

TEST(Http1BodyTest, SkipsExtensionsAndTrailers) {
  EXPECT_EQ(ReadChunked("1;a=b;c=\"d\"\r\nx\r\n0;last\r\n\r\n"), "end 26");
  EXPECT_EQ(ReadChunked("1 \r\nx\r\n0 ; y\r\n\r\n"), "end 16");
  EXPECT_EQ(ReadChunked("0\r\nA: b\r\nC: d\r\n\r\nrest"), "end 17");
  EXPECT_EQ(ReadChunked("0\r\nA: b\n\rx\r\n\nrest"), "end 13");
}

TEST(Http1BodyTest, LosesItselfInBadChunks) {
  EXPECT_EQ(ReadChunked("x\r\n"), "lost 0");
  EXPECT_EQ(ReadChunked("\r\n"), "lost 0");
  EXPECT_EQ(ReadChunked("-1\r\n"), "lost 0");
  EXPECT_EQ(ReadChunked(";a\r\n"), "lost 0");
  EXPECT_EQ(ReadChunked("1x\r\n"), "lost 1");
  EXPECT_EQ(ReadChunked("1\rx"), "lost 2");
  EXPECT_EQ(ReadChunked("1\r\nabc"), "lost 4");
  EXPECT_EQ(ReadChunked("1\r\na\r\n\r\n"), "lost 6");
  EXPECT_EQ(ReadChunked("1\r\na\rb"), "lost 5");
  EXPECT_EQ(ReadChunked("00000000000000001\r\n"), "lost 16");
  EXPECT_EQ(ReadChunked("FFFFFFFFFFFFFFFFF\r\n"), "lost 16");
}

TEST(Http1BodyTest, TakesTheLargestChunk) {
  EXPECT_EQ(ReadChunked("ffffffffffffffff\r\nabcdef"), " 24");
}

}  // namespace
}  // namespace proxymeter::protocol
