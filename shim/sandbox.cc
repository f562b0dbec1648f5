#include "shim/sandbox.h"

#include <cstdint>

#include "shim/kernel.h"
#include "shim/shim.h"

namespace proxymeter::shim {
namespace {

// Address space for the connections costs nothing until used; the rows are
// allocated: 256 KB.
constexpr std::uint32_t kConnectionsAhead = 1024;
constexpr std::uint32_t kRowsAhead = 504;

void Prepare() {
  const Path& directory = shim.environment.directory();
  shim.attribution.policy().Refresh(directory, shim.process.generation());
  shim.process.forks();
  if (!shim.meter.Open(directory)) return;
  shim.meter.Reserve(kRowsAhead);
  shim.connections.Reserve(kConnectionsAhead);
}

}  // namespace

bool FallSilent() {
  if (kernel::silent.load(std::memory_order_relaxed)) return true;
  Prepare();
  return kernel::silent.exchange(true, std::memory_order_relaxed);
}

void SpeakAgain() { kernel::silent.store(false, std::memory_order_relaxed); }

}  // namespace proxymeter::shim
