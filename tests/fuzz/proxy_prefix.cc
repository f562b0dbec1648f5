// What a client says first in the PROXY protocol.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size, protocol::ProxyPrefixObserver{});
  return 0;
}
