// The kernel asked for its TCP sockets, as an audit does.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "collector/kernel/socket_dump.h"
#include "collector/scoped_fd.h"
#include "collector/testing/loopback.h"

namespace proxymeter::bench {
namespace {

using collector::kConnectionStates;
using collector::Loopback;
using collector::ScopedFd;
using collector::SocketDump;
using collector::TcpSocket;

constexpr rlim_t kOtherDescriptors = 100;

bool AllowDescriptors(std::size_t count) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const rlim_t wanted = count + kOtherDescriptors;
  if (limit.rlim_cur >= wanted) return true;
  if (limit.rlim_max < wanted) limit.rlim_max = wanted;
  limit.rlim_cur = wanted;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// Both ends of so many connections, half of them of IPv6.
std::vector<ScopedFd> Connect(std::size_t sockets) {
  const Loopback v4(AF_INET);
  const Loopback v6(AF_INET6);
  // Ended by a reset: thousands in TIME_WAIT would be in the way of the next
  // measurement.
  constexpr linger kReset = {.l_onoff = 1, .l_linger = 0};
  std::vector<ScopedFd> open;
  while (open.size() < sockets) {
    for (const Loopback* loopback : {&v4, &v6}) {
      ScopedFd client = loopback->Connect();
      if (!client.valid()) return {};
      setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
      open.push_back(std::move(client));
      open.push_back(loopback->Accept());
      if (!open.back().valid()) return {};
    }
  }
  return open;
}

void Dump(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  if (!AllowDescriptors(count)) {
    return state.SkipWithError("not allowed so many descriptors");
  }
  const std::vector<ScopedFd> open = Connect(count);
  if (open.empty()) return state.SkipWithError("cannot connect");
  auto dump = SocketDump::Open();
  if (!dump.ok()) return state.SkipWithError("the kernel tells no sockets");
  for (auto _ : state) {
    std::size_t found = 0;
    const auto status = dump->Visit(
        kConnectionStates,
        [&](const TcpSocket& socket) { found += socket.has_counts; });
    if (!status.ok() || found < count) state.SkipWithError("sockets missing");
  }
}

BENCHMARK(Dump)
    ->ArgName("sockets")
    ->Arg(100)  // smoke
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace proxymeter::bench

BENCHMARK_MAIN();
