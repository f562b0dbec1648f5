// The first flight of a TLS client.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size, protocol::ClientHelloObserver{});
  return 0;
}
