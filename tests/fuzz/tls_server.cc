// The records of a TLS server, from its first one on.
#include "shim/protocol/tls_testing.h"
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  fuzz::FeedInPieces(data, size, protocol::ServerFlightObserver{});
  return 0;
}
