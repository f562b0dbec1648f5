// Any message on the socket: a frame whose rows are valid, or a reason.
#include <variant>

#include "collector/accounts/frame_codec.h"
#include "tests/fuzz/accounts.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  const auto decoded = collector::DecodeFrame(fuzz::AsText(data, size));
  const auto* frame = std::get_if<collector::DecodedFrame>(&decoded);
  if (frame == nullptr) return 0;
  fuzz::ExpectValid(frame->rows);
  collector::Sessions sessions;
  fuzz::Expect(!sessions.ApplyFrame(*frame), "a new session is welcome");
  const auto totals = fuzz::Totals(sessions);
  fuzz::Expect(!sessions.ApplyFrame(*frame), "a frame may come twice");
  fuzz::Expect(fuzz::Totals(sessions) == totals, "it counts once");
  return 0;
}
