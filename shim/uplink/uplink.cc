#include "shim/uplink/uplink.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "shim/kernel.h"
#include "shim/uplink/frame_encoder.h"

namespace proxymeter::shim {
namespace {

constexpr std::uint64_t kFlushIntervalNs = 1'000'000'000;

long ConnectTo(const Path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.view().size() >= sizeof(address.sun_path)) {
    return -1;
  }
  std::memcpy(address.sun_path, path.c_str(), path.view().size());
  const long descriptor = kernel::Call(
      SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return descriptor;
  if (kernel::Call(SYS_connect, descriptor, &address,
                   static_cast<long>(sizeof(address))) != 0) {
    kernel::Call(SYS_close, descriptor);
    return -1;
  }
  return descriptor;
}

bool SendFrame(const kernel::ScopedDescriptor& socket,
               std::span<const std::uint8_t> frame) {
  return kernel::Call(SYS_sendto, socket.get(), frame.data(),
                      static_cast<long>(frame.size()),
                      MSG_NOSIGNAL | MSG_DONTWAIT, 0,
                      0) == static_cast<long>(frame.size());
}

std::uint64_t ReadCounters(const JournalRow& row, CounterValues* values) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kRowCounters; ++i) {
    (*values)[i] = row.counters[i].load(std::memory_order_relaxed);
    sum += (*values)[i];
  }
  return sum;
}

}  // namespace

void Uplink::Flush() {
  // In a sandbox the journal says it all.
  if (kernel::silent.load(std::memory_order_relaxed)) return;
  if (!meter_->open() || process_->IsBorrowed()) return;
  // Who is at it may have passed the row that is meant. Of private memory this
  // may be the last to be said, so he is asked to go round again.
  const bool insists = !meter_->journal().is_file();
  const bool said = turns_.Take(process_->generation(), insists, [this] {
    SendChangedRows();
    next_flush_ns_.store(MonotonicNs() + kFlushIntervalNs,
                         std::memory_order_relaxed);
  });
  // Whichever thread comes by next goes on.
  if (!said) next_flush_ns_.store(0, std::memory_order_relaxed);
}

void Uplink::SendChangedRows() {
  const kernel::ScopedDescriptor socket(
      ConnectTo(Join(environment_->directory(), kSocketName)));
  if (!socket.ok()) {
    meter_->Count(kUplinkFailures);
    return;
  }
  const JournalFile& journal = meter_->journal();
  const std::uint32_t rows = meter_->row_limit();
  std::uint32_t index = 0;
  // The first frame goes out even without rows: it tells who we are.
  do {
    FrameEncoder frame(buffer_);
    if (!frame.Begin(*journal.header(), journal.is_file())) return;
    const std::uint32_t first = index;
    // What a frame said is remembered in the rows once it is out.
    constexpr std::uint32_t kRowsPerFrame = 128;
    std::uint64_t sums[kRowsPerFrame];
    for (; index < rows && index - first < kRowsPerFrame; ++index) {
      const JournalRow& row = journal.rows()[index];
      std::uint64_t* sum = &sums[index - first];
      *sum = row.streamed_sum.load(std::memory_order_relaxed);
      if (row.state.load(std::memory_order_acquire) != kPublished) continue;
      CounterValues values;
      const std::uint64_t now = ReadCounters(row, &values);
      if (now == *sum) continue;
      if (!frame.Append(index, row, values)) break;
      *sum = now;
    }
    if (!SendFrame(socket, frame.frame())) {
      meter_->Count(kUplinkFailures);
      return;
    }
    meter_->Count(kFramesSent);
    for (std::uint32_t i = first; i < index; ++i) {
      journal.rows()[i].streamed_sum.store(sums[i - first],
                                           std::memory_order_relaxed);
    }
  } while (index < rows);
}

}  // namespace proxymeter::shim
