#include "shim/connection/http2_sessions.h"

#include <sys/mman.h>

#include <new>

#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

// One behind the other; the second is not touched before it is needed.
constexpr long kSessionBytes =
    (sizeof(protocol::Http2Session) + alignof(Http2Tunnels) - 1) /
    alignof(Http2Tunnels) * alignof(Http2Tunnels);
constexpr long kBytes = kSessionBytes + sizeof(Http2Tunnels);

}  // namespace

protocol::Http2Session* Http2Sessions::Take() {
  if (taken_.fetch_add(1, std::memory_order_relaxed) >= kMost) {
    taken_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  const long memory =
      kernel::Call(SYS_mmap, 0, kBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory < 0 && memory > -4096) {
    taken_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  // A huge page would make two megabytes of those few.
  kernel::Call(SYS_madvise, memory, kBytes, MADV_NOHUGEPAGE);
  auto* session = new (reinterpret_cast<void*>(memory)) protocol::Http2Session;
  session->Begin();
  return session;
}

Http2Tunnels* Http2Sessions::NewTunnels(protocol::Http2Session* session) {
  return new (reinterpret_cast<char*>(session) + kSessionBytes) Http2Tunnels;
}

void Http2Sessions::GiveBack(protocol::Http2Session* session) {
  if (session == nullptr) return;
  kernel::Forward(SYS_munmap, session, kBytes);
  taken_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace proxymeter::shim
