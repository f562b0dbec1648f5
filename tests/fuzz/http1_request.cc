// What a client says in HTTP/1.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size, protocol::RequestObserver{});
  return 0;
}
