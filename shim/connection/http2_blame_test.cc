// Requests in HTTP/2 that get no response, or half of one: whose fault it is.
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>

#include <string>

#include "shim/protocol/http2_testing.h"
#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

using protocol::Big32;
using protocol::Http2Deflater;
using protocol::Http2Frame;
using protocol::Http2Hello;

constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
constexpr int kEndStream = NGHTTP2_FLAG_END_STREAM;
constexpr std::uint32_t kLastId = 0x7fff'ffff;

const std::string kSettings = Http2Frame(NGHTTP2_SETTINGS, 0, 0, "");

std::string Get(std::uint32_t stream, int flags = kEndStream) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders | flags, stream,
                    Http2Deflater().Block({{":method", "GET"},
                                           {":scheme", "http"},
                                           {":authority", "a.test"},
                                           {":path", "/"}}));
}
std::string Tunnel(std::uint32_t stream) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders, stream,
                    Http2Deflater().Block({{":method", "CONNECT"},
                                           {":authority", "b.test:443"}}));
}
std::string Head(std::uint32_t stream, const std::string& status = "200",
                 int flags = 0) {
  return Http2Frame(NGHTTP2_HEADERS, kEndHeaders | flags, stream,
                    Http2Deflater().Block({{":status", status}}));
}
std::string Data(std::uint32_t stream, const std::string& bytes,
                 int flags = 0) {
  return Http2Frame(NGHTTP2_DATA, flags, stream, bytes);
}
std::string Whole(std::uint32_t stream) {
  return Head(stream) + Data(stream, "content", kEndStream);
}
std::string Reset(std::uint32_t stream, std::uint32_t error) {
  return Http2Frame(NGHTTP2_RST_STREAM, 0, stream, Big32(error));
}
std::string Goaway(std::uint32_t last, std::uint32_t error) {
  return Http2Frame(NGHTTP2_GOAWAY, 0, 0, Big32(last) + Big32(error));
}

const std::string kTunnel =
    "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n";
const std::string kEstablished = "HTTP/1.1 200 OK\r\n\r\n";

class Http2Blame : public ExchangeFixture {
 protected:
  // However it is cut, this many.
  void Expect(const std::vector<Turn>& exchange, std::uint64_t before,
              std::uint64_t within) {
    ForEveryCut(exchange, [&] {
      EXPECT_EQ(ProxyErrors(kVendor, ProxyError::kClosedBeforeResponse),
                before);
      EXPECT_EQ(ProxyErrors(kVendor, ProxyError::kClosedInResponse), within);
      EXPECT_EQ(Events(kDesynchronisedHttp2), 0u);
    });
  }
  void ExpectNone(const std::vector<Turn>& exchange) { Expect(exchange, 0, 0); }

  const Turn asked_ = Out(Http2Hello() + Get(1) + Get(3) + Get(5));
};

TEST_F(Http2Blame, TheEndOfTheConnectionIsThatOfEachRequest) {
  const std::vector<Turn> exchange = {
      asked_, In(kSettings + Whole(1) + Head(3) + Data(3, "half"))};
  for (const int state : {TCP_CLOSE_WAIT, TCP_CLOSE}) {
    fake_.set_tcp_state(state);
    Expect(exchange, 1, 1);
    Expect({asked_}, 3, 0);
    Expect({asked_, In(kSettings + Head(5, "103") + Head(3, "200"))}, 1, 2);
    ExpectNone({asked_, In(kSettings + Whole(3) + Whole(1) + Whole(5))});
    // In a tunnel it may be the proxy that went away.
    Expect({Out(kTunnel), In(kEstablished), exchange[0], exchange[1]}, 1, 1);
  }
  // The crawler closes first; or what there is it does not read.
  fake_.set_tcp_state(TCP_ESTABLISHED);
  ExpectNone(exchange);
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  fake_.set_kernel_bytes(Size(exchange, true), Size(exchange, false) + 10);
  ExpectNone(exchange);
}

TEST_F(Http2Blame, WhatTheCrawlerCancelsIsItsOwnFault) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  const Turn cancelled =
      Out(Reset(1, NGHTTP2_CANCEL) + Reset(3, NGHTTP2_CANCEL));
  Expect({asked_, In(kSettings + Head(3)), cancelled}, 1, 0);
  ExpectNone({asked_, In(kSettings + Head(3)), cancelled,
              In(Reset(3, NGHTTP2_CANCEL) + Whole(5))});
}

TEST_F(Http2Blame, AnAnswerMayBeCompleteBeforeItsRequestIs) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  const Turn uploading = Out(Http2Hello() + Get(1, 0) + Data(1, "upload"));
  ExpectNone(
      {uploading, In(kSettings + Whole(1) + Reset(1, NGHTTP2_NO_ERROR))});
  ExpectNone({uploading, In(kSettings + Whole(1))});
  Expect({uploading, In(kSettings + Head(1) + Reset(1, NGHTTP2_NO_ERROR))}, 0,
         1);
}

TEST_F(Http2Blame, WhatTheProxyEndsIsItsFault) {
  const std::string resets = Reset(1, NGHTTP2_REFUSED_STREAM) +
                             Reset(3, NGHTTP2_INTERNAL_ERROR) + Whole(5);
  Expect({asked_, In(kSettings + Head(3) + resets)}, 1, 1);
  // Nothing is told twice.
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  Expect({asked_, In(kSettings + Head(3) + resets)}, 1, 1);
  // A destination's own word.
  ExpectNone({Out(kTunnel), In(kEstablished), asked_,
              In(kSettings + Head(3) + resets)});
}

TEST_F(Http2Blame, WhatIsNotBegunAnyMoreIsNotAwaited) {
  const std::string farewell = Goaway(1, NGHTTP2_NO_ERROR);
  Expect({asked_, In(kSettings + farewell + Whole(1))}, 2, 0);
  // First a warning, then the same again.
  Expect({asked_, In(kSettings + Goaway(kLastId, NGHTTP2_NO_ERROR) + Whole(1) +
                     Whole(3) + Goaway(3, NGHTTP2_NO_ERROR) +
                     Goaway(3, NGHTTP2_NO_ERROR))},
         1, 0);
  // With an error it is the end of all.
  Expect({asked_, In(kSettings + Head(1) + Goaway(5, NGHTTP2_INTERNAL_ERROR))},
         2, 1);
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  Expect({asked_, In(kSettings + Head(1) + farewell)}, 2, 1);
  Expect({asked_, In(kSettings + Head(1) + Goaway(5, NGHTTP2_INTERNAL_ERROR))},
         2, 1);
  Expect({Out(kTunnel), In(kEstablished), asked_,
          In(kSettings + Head(1) + farewell)},
         0, 1);
  ExpectNone({Out(kTunnel), In(kEstablished), asked_,
              In(kSettings + Head(1) + Goaway(5, NGHTTP2_INTERNAL_ERROR))});
}

TEST_F(Http2Blame, WhatNobodyAskedForNobodyMisses) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  const std::string promise =
      Http2Frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1,
                 Big32(2) + Http2Deflater().Block({{":method", "GET"},
                                                   {":scheme", "http"},
                                                   {":authority", "a.test"},
                                                   {":path", "/b"}}));
  ExpectNone({Out(Http2Hello() + Get(1)), In(kSettings + promise + Whole(1))});
  ExpectNone(
      {Out(Http2Hello() + Get(1)), In(kSettings + promise + Whole(1) + Head(2) +
                                      Reset(2, NGHTTP2_INTERNAL_ERROR))});
}

TEST_F(Http2Blame, TunnelsAreAwaitedUntilTheyStand) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  const Turn asked = Out(Http2Hello() + Tunnel(1) + Tunnel(3) + Tunnel(5));
  Expect({asked, In(kSettings + Head(3))}, 2, 0);
  Expect({asked, In(kSettings + Reset(1, NGHTTP2_CONNECT_ERROR) + Head(3) +
                    Head(5, "502") + Reset(3, NGHTTP2_CANCEL))},
         1, 0);
}

TEST_F(Http2Blame, EachTunnelHasItsOwnRequest) {
  fake_.set_tcp_state(TCP_CLOSE_WAIT);
  const std::string get = "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n";
  const std::string half =
      "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it";
  Expect({Out(Http2Hello() + Tunnel(1) + Tunnel(3) + Tunnel(5) + Get(7)),
          In(kSettings + Head(1) + Head(3) + Head(5)),
          Out(Data(1, get) + Data(3, get) + Data(5, get)), In(Data(3, half))},
         3, 1);
}

}  // namespace
}  // namespace proxymeter::shim
