// Frames made by hand, for what nghttp2 would not say.
#include "shim/protocol/http2_side.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "shim/protocol/http2_observer.h"
#include "shim/protocol/http2_testing.h"

namespace proxymeter::protocol {
namespace {

using Texts = std::vector<std::string>;

constexpr int kEndStream = NGHTTP2_FLAG_END_STREAM;
constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr int kPadded = NGHTTP2_FLAG_PADDED;
constexpr int kPriority = NGHTTP2_FLAG_PRIORITY;

const std::string kNoPreface = "lost 1";
const std::string kFraming = "lost 2";
const std::string kBadHeaders = "lost 3";
const std::string kMemory = "lost 4";

Texts Client(const std::string& text) {
  return Events(FeedEveryWay(text, Http2Observer(Http2Speaker::kClient)));
}
Texts Server(const std::string& text, const std::string& client = "") {
  return Events(
      FeedEveryWay(text, Http2Observer(Http2Speaker::kServer, client)));
}

std::string Settings(const std::string& content = "") {
  return Http2Frame(NGHTTP2_SETTINGS, 0, 0, content);
}

std::string Block(const Http2Headers& headers) {
  return Http2Deflater().Block(headers);
}
std::string Get(std::string_view host) {
  return Block({{":method", "GET"},
                {":scheme", "https"},
                {":authority", std::string(host)},
                {":path", "/"}});
}
std::string Request(std::uint32_t stream, std::string_view host) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders, stream, Get(host));
}
std::string Response(std::uint32_t stream, const std::string& status) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders, stream,
                    Block({{":status", status}}));
}

TEST(Http2SideTest, WhatDoesNotBeginAtTheBeginningIsNotRead) {
  EXPECT_EQ(Client("GET / HTTP/1.1\r\n\r\n"), Texts{kNoPreface});
  EXPECT_EQ(Client("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"), Texts{kNoPreface});
  EXPECT_EQ(Client(Request(1, "a.test")), Texts{kNoPreface});
  EXPECT_EQ(Client(std::string(kHttp2Preface) + Request(1, "a.test")),
            Texts{kNoPreface});
  EXPECT_EQ(Server(Response(1, "200")), Texts{kNoPreface});
  EXPECT_EQ(Server(Http2Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "")),
            Texts{kNoPreface});
  EXPECT_EQ(Server("HTTP/1.1 400 Bad Request\r\n\r\n"), Texts{kNoPreface});
  EXPECT_EQ(Client(Http2Hello()), Texts{});
  EXPECT_EQ(Server(Settings()), Texts{});
}

TEST(Http2SideTest, ABlockMayComeInFramesOfAnyLength) {
  const std::string block = Get("shop.test");
  const std::string parts =
      Http2Frame(NGHTTP2_HEADERS, kEndStream, 1, "") +
      Http2Frame(NGHTTP2_CONTINUATION, 0, 1, block.substr(0, 2)) +
      Http2Frame(NGHTTP2_CONTINUATION, 0, 1, "") +
      Http2Frame(NGHTTP2_CONTINUATION, 0, 1, block.substr(2)) +
      Http2Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "");
  EXPECT_EQ(Client(Http2Hello() + parts),
            (Texts{"request 1 shop.test https", "end 1"}));
  const std::string padded =
      std::string(1, '\4') + Big32(0) + '\x10' + block + std::string(4, 'p');
  EXPECT_EQ(
      Client(Http2Hello() +
             Http2Frame(NGHTTP2_HEADERS,
                        kEndStream | kEndHeaders | kPadded | kPriority, 1,
                        padded) +
             Request(3, "b.test")),
      (Texts{"request 1 shop.test https", "end 1", "request 3 b.test https"}));
  EXPECT_EQ(
      Client(Http2Hello() + Http2Frame(NGHTTP2_HEADERS, kEndHeaders, 1, "")),
      Texts{"request 1 "});
}

TEST(Http2SideTest, FramesOfUnknownKindsPass) {
  const std::string unknown = Http2Frame(10, 0xff, 0, "alt-svc") +
                              Http2Frame(0x10, 0, 0, "priority update") +
                              Http2Frame(0xee, 4, 1, "") +
                              Http2Frame(NGHTTP2_PRIORITY, 0, 9, "12345") +
                              Http2Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "1234") +
                              Http2Frame(NGHTTP2_PING, 0, 0, "12345678");
  EXPECT_EQ(Client(Http2Hello() + unknown + Request(1, "a.test")),
            Texts{"request 1 a.test https"});
  EXPECT_EQ(Server(Settings() + unknown + Response(1, "200"),
                   Http2Hello() + Request(1, "a.test")),
            Texts{"response 1 200"});
}

TEST(Http2SideTest, WhatNoPeerAcceptsIsNotRead) {
  const std::string in_block = Http2Frame(NGHTTP2_HEADERS, 0, 1, Get("a.test"));
  const std::vector<std::string> impossible = {
      Http2Frame(NGHTTP2_DATA, 0, 0, "x"),
      Http2Frame(NGHTTP2_HEADERS, kEndHeaders, 0, Get("a.test")),
      Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kPriority, 1, "1234"),
      Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kPadded, 1, ""),
      Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kPadded, 1, "\5abcd"),
      Http2Frame(NGHTTP2_PRIORITY, 0, 0, "12345"),
      Http2Frame(NGHTTP2_RST_STREAM, 0, 0, "1234"),
      Http2Frame(NGHTTP2_RST_STREAM, 0, 1, "123"),
      Http2Frame(NGHTTP2_SETTINGS, 0, 1, ""),
      Http2Frame(NGHTTP2_SETTINGS, 0, 0, "12345"),
      Http2Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "123456"),
      Settings(Http2Setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16383)),
      Settings(Http2Setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1 << 24)),
      Http2Frame(NGHTTP2_PING, 0, 0, "1234567"),
      Http2Frame(NGHTTP2_PING, 0, 1, "12345678"),
      Http2Frame(NGHTTP2_GOAWAY, 0, 0, "1234567"),
      Http2Frame(NGHTTP2_GOAWAY, 0, 1, "12345678"),
      Http2Frame(NGHTTP2_WINDOW_UPDATE, 0, 1, "123"),
      Http2Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, ""),
      in_block + Http2Frame(NGHTTP2_DATA, 0, 1, "x"),
      in_block + Http2Frame(NGHTTP2_CONTINUATION, kEndHeaders, 3, ""),
      in_block + Http2Frame(0xee, 0, 1, ""),
  };
  for (const std::string& frames : impossible) {
    const Texts expected = {kFraming};
    EXPECT_EQ(Client(Http2Hello() + frames + Request(5, "b.test")), expected)
        << testing::PrintToString(frames);
    EXPECT_EQ(Server(Settings() + frames, Http2Hello() + Request(1, "a.test")),
              expected)
        << testing::PrintToString(frames);
  }
  const std::string promise = Big32(2) + Get("a.test");
  EXPECT_EQ(Client(Http2Hello() +
                   Http2Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1, promise)),
            Texts{kFraming});
  EXPECT_EQ(Client(Http2Hello() + Request(2, "a.test")), Texts{kFraming});
  for (const std::uint32_t promised : {0u, 1u}) {
    EXPECT_EQ(
        Server(Settings() + Http2Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1,
                                       Big32(promised) + Get("a.test"))),
        Texts{kFraming});
  }
}

TEST(Http2SideTest, AFrameIsNoLongerThanTheOtherSideAllows) {
  const auto data = [](std::size_t size) {
    return Http2Frame(NGHTTP2_DATA, kEndStream, 1, std::string(size, 'x'));
  };
  const auto once = [](const std::string& text, const std::string& client) {
    return Events(Feed(Cut(text, 1000, 7777),
                       Http2Observer(Http2Speaker::kServer, client)));
  };
  const std::string client = Http2Hello() + Request(1, "a.test");
  EXPECT_EQ(once(Settings() + data(16384), client), Texts{"end 1"});
  EXPECT_EQ(once(Settings() + data(16385), client), Texts{kFraming});
  // The server's own word is not about what it sends.
  EXPECT_EQ(
      once(Settings(Http2Setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 20000)) +
               data(16385),
           client),
      Texts{kFraming});
  const std::string generous =
      std::string(kHttp2Preface) +
      Settings(Http2Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1) +
               Http2Setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 20000)) +
      Request(1, "a.test");
  EXPECT_EQ(once(Settings() + data(20000), generous), Texts{"end 1"});
  EXPECT_EQ(once(Settings() + data(20001), generous), Texts{kFraming});
}

TEST(Http2SideTest, HeadersThatCannotBeDecodedEndTheReading) {
  const auto headers = [](std::string_view block) {
    return Http2Hello() + Http2Frame(NGHTTP2_HEADERS, kEndHeaders, 1, block) +
           Request(3, "a.test");
  };
  // An index beyond the tables; a size of the table beyond any that we take; a
  // field that goes on behind the end.
  EXPECT_EQ(Client(headers("\xff\xff\x03")), Texts{kBadHeaders});
  EXPECT_EQ(Client(headers("\x3f\xe2\xff\x03")), Texts{kBadHeaders});
  EXPECT_EQ(Client(headers("\x41\x09shop")), Texts{kBadHeaders});
  EXPECT_EQ(Client(headers("\x3f\xe1\xff\x03" + Get("b.test"))),
            (Texts{"request 1 b.test https", "request 3 a.test https"}));
}

TEST(Http2SideTest, ABlockThatDoesNotEndIsNotRead) {
  // 16 KB of :method GET, four times.
  const std::string part(16384, '\x82');
  std::string text = Http2Hello() + Http2Frame(NGHTTP2_HEADERS, 0, 1, part);
  for (int i = 0; i < 3; ++i) {
    text += Http2Frame(NGHTTP2_CONTINUATION, 0, 1, part);
  }
  const auto once = [](const std::string& all) {
    return Events(
        Feed(Cut(all, 1000, 7777), Http2Observer(Http2Speaker::kClient)));
  };
  EXPECT_EQ(once(text + Http2Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "")),
            Texts{"request 1 "});
  EXPECT_EQ(
      once(text + Http2Frame(NGHTTP2_CONTINUATION, kEndHeaders, 1, "\x82")),
      Texts{kBadHeaders});
}

TEST(Http2SideTest, StreamsBeyondWhatIsRememberedCountAllTheSame) {
  Http2Deflater client;
  Http2Deflater server;
  std::string said = Http2Hello();
  std::string answered = Settings();
  constexpr std::uint32_t kRequests = Http2Streams::kCapacity + 2;
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    const std::uint32_t id = 2 * i + 1;
    said += Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kEndStream, id,
                       client.Block({{":authority", "a.test"}}));
    answered += Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kEndStream, id,
                           server.Block({{":status", "200"}}));
  }
  const Texts requests =
      Events(Feed(Cut(said, 100, 100), Http2Observer(Http2Speaker::kClient)));
  ASSERT_EQ(requests.size(), 2 * kRequests);
  EXPECT_EQ(requests[2 * 127], "request 255 a.test");
  EXPECT_EQ(requests[2 * 128], "request 257 a.test unremembered");
  EXPECT_EQ(requests[2 * 129], "request 259 a.test unremembered");
  const Texts responses = Events(Feed(
      Cut(answered, 100, 100), Http2Observer(Http2Speaker::kServer, said)));
  ASSERT_EQ(responses.size(), 2 * kRequests);
  EXPECT_EQ(responses[2 * 127], "response 255 200");
  EXPECT_EQ(responses[2 * 128], "response 257 200 unknown");
}

TEST(Http2SideTest, StreamsThatAreOverMakeRoom) {
  Http2Deflater client;
  Http2Deflater server;
  auto session = std::make_unique_for_overwrite<Http2Session>();
  session->Begin();
  const auto hear = [&](Http2Side* side, const std::string& said) {
    for (Bytes rest(reinterpret_cast<const std::uint8_t*>(said.data()),
                    said.size());
         ;) {
      const Http2Step step = side->Consume(rest);
      rest = rest.subspan(step.consumed);
      if (step.event == Http2Event::kRequest) {
        EXPECT_TRUE(side->Remember(side->stream()));
      } else if (step.event == Http2Event::kNone) {
        return;
      }
    }
  };
  hear(&session->client, Http2Hello());
  hear(&session->server, Settings());
  // Each way of ending, more often than there is room.
  for (std::uint32_t id = 1; id < 3000; id += 2) {
    const auto way = id / 2 % 3;
    hear(&session->client,
         Http2Frame(NGHTTP2_HEADERS, kEndHeaders | (way == 0 ? kEndStream : 0),
                    id, client.Block({{":authority", "a.test"}})));
    EXPECT_EQ(session->streams.Find(id).tag, id);
    const std::string reset = Http2Frame(NGHTTP2_RST_STREAM, 0, id, Big32(8));
    if (way == 1) hear(&session->client, reset);
    if (way == 2) hear(&session->server, reset);
    if (way == 0) {
      hear(&session->server,
           Http2Frame(NGHTTP2_HEADERS, kEndHeaders | kEndStream, id,
                      server.Block({{":status", "200"}})));
    }
    EXPECT_EQ(session->streams.Find(id).known, way == 1);
  }
}

TEST(Http2SideTest, AnAnswerToWhatHasNotBeenReportedYetIsAnnounced) {
  EXPECT_EQ(Server(Settings() + Response(1, "200") + Response(3, "404"),
                   Http2Hello() + Request(1, "a.test")),
            (Texts{"response 1 200", "awaited 3", "response 3 404 unknown"}));
}

TEST(Http2SideTest, TheClientsTrailersAreNoRequest) {
  const std::string trailers = Http2Frame(
      NGHTTP2_HEADERS, kEndHeaders | kEndStream, 1, Block({{"checksum", "1"}}));
  EXPECT_EQ(Client(Http2Hello() + Request(1, "a.test") + Request(3, "b.test") +
                   trailers),
            (Texts{"request 1 a.test https", "request 3 b.test https",
                   "trailers 1", "end 1"}));
}

TEST(Http2SideTest, WithoutRoomForTheTablesNothingIsRead) {
  const std::string said = Http2Hello() + Request(1, "a.test");
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(said.data()),
                    said.size());
  for (const std::size_t size : {0u, 100u, 1000u, 2000u, 4000u, 65536u}) {
    // Aligned to 16 by make_unique; AddressSanitizer guards its end.
    auto memory = std::make_unique<unsigned char[]>(size);
    Http2Streams streams;
    Http2Side side;
    streams.Begin();
    side.Begin(Http2Speaker::kClient, &streams, memory.get(), size);
    const Http2Step step = side.Consume(bytes);
    if (size <= 1000) {
      EXPECT_EQ(step.event, Http2Event::kLost) << size;
      EXPECT_EQ(side.loss(), Http2Loss::kMemory) << size;
    } else if (size == 65536) {
      EXPECT_EQ(step.event, Http2Event::kRequest) << size;
    }
    if (step.event == Http2Event::kLost) {
      EXPECT_EQ(side.Consume(bytes).event, Http2Event::kLost);
      EXPECT_EQ(side.Consume(bytes).consumed, 0u);
      EXPECT_FALSE(side.Skip(1));
    }
  }
}

// What is sent may fill the table with more than the memory holds: entries of
// one byte each cost far more than they count.
TEST(Http2SideTest, ATableThatOutgrowsItsMemoryEndsTheReading) {
  Http2Deflater deflater;
  std::string said = Http2Hello();
  deflater.ChangeTable(64 * 1024);
  Texts last;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    said += Http2Frame(NGHTTP2_HEADERS, kEndHeaders, 2 * i + 1,
                       deflater.Block({{"n" + std::to_string(i), "v"}}));
  }
  const Texts events =
      Events(Feed(Cut(said, 4096, 4096), Http2Observer(Http2Speaker::kClient)));
  EXPECT_EQ(events.back(), kMemory);
  EXPECT_GT(events.size(), 1000u);
}

TEST(Http2SideTest, ContentPassesUnseen) {
  auto session = std::make_unique_for_overwrite<Http2Session>();
  session->Begin();
  const std::string said =
      Http2Hello() + Request(1, "a.test") +
      Http2Frame(NGHTTP2_DATA, kEndStream, 1, std::string(1000, 'x'));
  Bytes rest(reinterpret_cast<const std::uint8_t*>(said.data()), said.size());
  EXPECT_FALSE(session->client.Skip(1));
  const Http2Step head = session->client.Consume(rest);
  EXPECT_EQ(head.event, Http2Event::kRequest);
  EXPECT_TRUE(session->client.Remember(1));
  rest = rest.subspan(head.consumed);
  EXPECT_EQ(session->client.Consume(rest.first(9)).event, Http2Event::kNone);
  EXPECT_TRUE(session->client.Skip(400));
  EXPECT_FALSE(session->client.Skip(600));
  EXPECT_TRUE(session->client.Skip(599));
  const Http2Step end = session->client.Consume(rest.last(1));
  EXPECT_EQ(end.event, Http2Event::kEnd);
  EXPECT_EQ(end.consumed, 1u);
}

}  // namespace
}  // namespace proxymeter::protocol
