// What a client says in HTTP/2.
#include "shim/protocol/http2_observer.h"
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size,
                     protocol::Http2Observer(protocol::Http2Speaker::kClient));
  return 0;
}
