// What a client says to a SOCKS proxy.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size, protocol::SocksClientObserver{});
  return 0;
}
