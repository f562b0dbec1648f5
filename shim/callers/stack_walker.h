// Walks the stack of the calling thread, by libunwind where it can be had.
#ifndef PROXYMETER_SHIM_CALLERS_STACK_WALKER_H_
#define PROXYMETER_SHIM_CALLERS_STACK_WALKER_H_

#include <atomic>
#include <cstdint>

#include "proxymeter/journal.h"
#include "shim/callers/caller_finder.h"

namespace proxymeter::shim {

class StackWalker {
 public:
  constexpr StackWalker() = default;

  /// Walks until `finder` has seen enough, and says by what; kNone when it is
  /// not safe to: in a sandbox, on the stack of a signal handler, or while a
  /// walk is under way, be it another thread's or the one that we have
  /// interrupted.
  ///
  /// libunwind is loaded by the first walk that finds it safe to: if
  /// `may_load`, in the main thread, with no signal blocked. Another thread may
  /// be waited for by one that holds the linker's lock; and where a signal is
  /// blocked, this may be its handler, in the middle of an allocation.
  ///
  /// `generation` is the process's (Process::generation): a walk that a fork
  /// caught half-way does not bar the child.
  Unwinder Walk(bool may_load, std::uint32_t generation, CallerFinder* finder);

 private:
  enum class Library : std::uint8_t { kNotTried, kLoaded, kUnusable };

  void Prepare(bool may_load);

  std::atomic<std::uint32_t> walking_{0};  // generation + 1, or 0 for nobody
  Library library_ = Library::kNotTried;   // of whoever is walking
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_STACK_WALKER_H_
