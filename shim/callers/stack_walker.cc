#include "shim/callers/stack_walker.h"

#include <signal.h>

#include "shim/callers/libgcc_walk.h"
#include "shim/callers/libunwind_walk.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

bool IsOnSignalStack() {
  stack_t stack = {};
  return kernel::Call(SYS_sigaltstack, 0, &stack) == 0 &&
         (stack.ss_flags & SS_ONSTACK) != 0;
}

bool IsMainThread() {
  return kernel::Call(SYS_gettid) == kernel::Call(SYS_getpid);
}

bool BlocksNoSignal() {
  std::uint64_t blocked = 0;
  return kernel::Call(SYS_rt_sigprocmask, SIG_BLOCK, 0, &blocked,
                      static_cast<long>(sizeof(blocked))) == 0 &&
         blocked == 0;
}

}  // namespace

void StackWalker::Prepare(bool may_load) {
  if (library_ != Library::kNotTried || !may_load || !IsMainThread() ||
      !BlocksNoSignal()) {
    return;
  }
  library_ = LoadLibunwind() ? Library::kLoaded : Library::kUnusable;
}

Unwinder StackWalker::Walk(bool may_load, std::uint32_t generation,
                           CallerFinder* finder) {
  // Silent: what can be told by system calls only cannot be told.
  if (kernel::silent.load(std::memory_order_relaxed) || IsOnSignalStack()) {
    return Unwinder::kNone;
  }
  std::uint32_t walking = walking_.load(std::memory_order_relaxed);
  if (walking == generation + 1 ||
      !walking_.compare_exchange_strong(walking, generation + 1,
                                        std::memory_order_acquire)) {
    return Unwinder::kNone;
  }
  // A walk of the parent's that the fork broke off: libunwind may be locked in
  // this process for good.
  if (walking != 0) library_ = Library::kUnusable;
  Prepare(may_load);
  const bool by_libunwind = library_ == Library::kLoaded;
  if (by_libunwind) {
    WalkByLibunwind(finder);
  } else {
    WalkByLibgcc(finder);
  }
  walking_.store(0, std::memory_order_release);
  return by_libunwind ? Unwinder::kLibunwind : Unwinder::kLibgcc;
}

}  // namespace proxymeter::shim
