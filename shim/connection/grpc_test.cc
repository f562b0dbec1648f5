// What gRPC calls were answered with, and how long streams of HTTP/2 took.
#include <string>
#include <vector>

#include "proxymeter/grpc_status.h"
#include "shim/protocol/http2_testing.h"
#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

using protocol::Http2Deflater;
using protocol::Http2Frame;
using protocol::Http2Headers;
using protocol::Http2Hello;

constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr int kLast = kEndHeaders | NGHTTP2_FLAG_END_STREAM;

std::string Block(std::uint32_t stream, int flags,
                  const Http2Headers& headers) {
  return Http2Frame(NGHTTP2_HEADERS, flags, stream,
                    Http2Deflater().Block(headers));
}
std::string Call(std::uint32_t stream,
                 const std::string& type = "application/grpc") {
  return Block(stream, kEndHeaders,
               {{":method", "POST"},
                {":scheme", "http"},
                {":authority", "api.test"},
                {":path", "/lab.Echo/Say"},
                {"content-type", type}}) +
         Http2Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, "question");
}
std::string Head(std::uint32_t stream) {
  return Block(stream, kEndHeaders,
               {{":status", "200"}, {"content-type", "application/grpc"}}) +
         Http2Frame(NGHTTP2_DATA, 0, stream, "answer");
}
std::string Trailers(std::uint32_t stream, const std::string& status) {
  return Block(stream, kLast, {{"grpc-status", status}});
}
std::string TrailersOnly(std::uint32_t stream, const std::string& status) {
  return Block(stream, kLast,
               {{":status", "200"},
                {"content-type", "application/grpc"},
                {"grpc-status", status},
                {"grpc-message", "no"}});
}
std::string Settings() { return Http2Frame(NGHTTP2_SETTINGS, 0, 0, ""); }

class GrpcTest : public ExchangeFixture {
 protected:
  // "NAME COUNT" of those that are not 0.
  static std::string Statuses() {
    std::string text;
    for (std::uint16_t code = 0; code <= kOtherGrpcStatus; ++code) {
      const std::uint64_t count = GrpcResponses(kVendor, code);
      if (count == 0) continue;
      if (!text.empty()) text += ", ";
      text += std::string(GrpcStatusName(code)) + " " + std::to_string(count);
    }
    return text;
  }
  static std::vector<std::uint64_t> Times() {
    return {Durations(kVendor, Phase::kFirstByte),
            Durations(kVendor, Phase::kRequest)};
  }
};

using Counts = std::vector<std::uint64_t>;

TEST_F(GrpcTest, StatusesStandInTrailersAndInHeadsWithoutContent) {
  ForEveryCut(
      {Out(Http2Hello() + Call(1) + Call(3)),
       In(Settings() + Head(1) + TrailersOnly(3, "12")), In(Trailers(1, "0")),
       Out(Call(5)), In(Head(5) + Trailers(5, "16"))},
      [] {
        EXPECT_EQ(Statuses(), "OK 1, UNIMPLEMENTED 1, UNAUTHENTICATED 1");
        EXPECT_EQ(Times(), (Counts{3, 3}));
      });
}

TEST_F(GrpcTest, EveryStatusHasItsName) {
  std::string calls, answers = Settings();
  std::uint32_t stream = 1;
  for (const std::string status :
       {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",   "8", "9", "10",
        "11", "12", "13", "14", "15", "16", "17", "999", "x", ""}) {
    calls += Call(stream);
    answers += Head(stream) + Trailers(stream, status);
    stream += 2;
  }
  PlayCut({Out(Http2Hello() + calls), In(answers)}, 0);
  EXPECT_EQ(Statuses(),
            "OK 1, CANCELLED 1, UNKNOWN 1, INVALID_ARGUMENT 1, "
            "DEADLINE_EXCEEDED 1, NOT_FOUND 1, ALREADY_EXISTS 1, "
            "PERMISSION_DENIED 1, RESOURCE_EXHAUSTED 1, FAILED_PRECONDITION 1, "
            "ABORTED 1, OUT_OF_RANGE 1, UNIMPLEMENTED 1, INTERNAL 1, "
            "UNAVAILABLE 1, DATA_LOSS 1, UNAUTHENTICATED 1, other 4");
}

TEST_F(GrpcTest, WhatIsNoGrpcHasNoStatus) {
  PlayCut({Out(Http2Hello() + Call(1, "text/plain") + Call(3) + Call(5)),
           In(Settings() + Head(1) + Trailers(1, "5") +
              Block(3, kLast, {{":status", "502"}}) + Head(5) +
              Block(5, kLast, {{"x", "y"}}))},
          0);
  EXPECT_EQ(Statuses(), "");
  EXPECT_EQ(Times(), (Counts{3, 3}));
}

TEST_F(GrpcTest, InterimResponsesBeginTheResponse) {
  ForEveryCut({Out(Http2Hello() + Call(1)),
               In(Settings() + Block(1, kEndHeaders, {{":status", "103"}})),
               In(Block(1, kLast, {{":status", "200"}}))},
              [] {
                EXPECT_EQ(Times(), (Counts{1, 1}));
              });
}

TEST_F(GrpcTest, WhatIsGivenUpHasNoEnd) {
  const auto reset = [](std::uint32_t stream) {
    return Http2Frame(NGHTTP2_RST_STREAM, 0, stream, std::string(4, '\1'));
  };
  PlayCut({Out(Http2Hello() + Call(1) + Call(3) + Call(5)),
           In(Settings() + Head(1) + Head(3)), Out(reset(1)),
           In(reset(3) + reset(5))},
          0);
  EXPECT_EQ(Times(), (Counts{2, 0}));
}

}  // namespace
}  // namespace proxymeter::shim
