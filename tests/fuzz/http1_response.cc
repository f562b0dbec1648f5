// What a server says in HTTP/1, in answer to any method.
#include "tests/fuzz/parser.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  for (const auto method : {protocol::Method::kOther, protocol::Method::kHead,
                            protocol::Method::kConnect}) {
    fuzz::FeedInPieces(
        data, size,
        protocol::ResponseObserver{.request = method, .parser = {}});
  }
  return 0;
}
