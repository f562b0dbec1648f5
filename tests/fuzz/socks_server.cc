// What a SOCKS proxy says, to a client of either version.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  for (const int version : {4, 5}) {
    fuzz::FeedInPieces(data, size, protocol::SocksServerObserver(version));
  }
  return 0;
}
