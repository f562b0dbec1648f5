// What a server says in HTTP/2, to a client that has opened a request, a gRPC
// call and a tunnel.
#include "shim/protocol/http2_observer.h"
#include "shim/protocol/http2_testing.h"
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  using namespace proxymeter::protocol;
  static const std::string client = [] {
    Http2Deflater deflater;
    const auto open = [&](std::uint32_t stream, const Http2Headers& headers) {
      return Http2Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                        deflater.Block(headers));
    };
    return Http2Hello() + open(1, {{":authority", "a.test"}}) +
           open(3, {{":authority", "b.test"},
                    {"content-type", "application/grpc"}}) +
           open(5, {{":method", "CONNECT"}, {":authority", "c.test:443"}});
  }();
  fuzz::FeedInPieces(data, size, Http2Observer(Http2Speaker::kServer, client));
  return 0;
}
