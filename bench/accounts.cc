// Row updates: from the bytes of a frame to the totals.
#include <benchmark/benchmark.h>

#include <string>
#include <variant>
#include <vector>

#include "bench/crowd.h"
#include "collector/accounts/frame_codec.h"
#include "collector/accounts/sessions.h"

namespace proxymeter::bench {
namespace {

using collector::DecodedFrame;
using collector::DecodeFrame;
using collector::Sessions;

// One iteration: a frame of each session, every row of which has changed.
void ApplyFrames(benchmark::State& state) {
  const Crowd crowd{.sessions = static_cast<std::uint32_t>(state.range(0)),
                    .rows = static_cast<std::uint32_t>(state.range(1))};
  Sessions sessions;
  sessions.Restore({});  // from here on it notes what changes, for the ledger
  std::vector<std::string> frames(crowd.sessions);
  std::uint64_t generation = 0;
  std::uint64_t refused = 0;
  for (auto _ : state) {
    state.PauseTiming();
    // What a commit takes is noted anew.
    sessions.TakeChanges();
    for (std::uint32_t i = 0; i < crowd.sessions; ++i) {
      frames[i] = crowd.Frame(i, generation);
    }
    ++generation;
    state.ResumeTiming();
    for (const std::string& bytes : frames) {
      const auto frame = DecodeFrame(bytes);
      const auto* decoded = std::get_if<DecodedFrame>(&frame);
      if (decoded == nullptr || sessions.ApplyFrame(*decoded)) ++refused;
    }
  }
  // Each row holds the requests of its last generation.
  std::uint64_t requests = 0;
  for (const auto& row : sessions.Snapshot().rows) {
    requests += row.counters[kRequests];
  }
  if (refused != 0 || requests != generation * crowd.sessions * crowd.rows) {
    state.SkipWithError("the totals are wrong");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(ApplyFrames)
    ->ArgNames({"sessions", "rows"})
    ->Args({20, 5})  // smoke
    ->Args({2000, 1})
    ->Args({2000, 5})
    ->Args({100, 100})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace proxymeter::bench

BENCHMARK_MAIN();
