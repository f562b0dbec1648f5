// Which process is this? Forked, or borrowed by vfork?
#ifndef PROXYMETER_SHIM_PROCESS_H_
#define PROXYMETER_SHIM_PROCESS_H_

#include <atomic>
#include <cstdint>

namespace proxymeter::shim {

class Process {
 public:
  constexpr Process() = default;

  /// Asks the kernel to wipe a page of ours in forked children (_Fork and raw
  /// clone run no atfork handlers). To be called before the process can have
  /// children. Without MADV_WIPEONFORK (before Linux 4.14) a forked child
  /// counts as borrowed: it keeps adding to connections it inherited, and
  /// opens none.
  void Initialise();

  bool initialised() const {
    return initialised_.load(std::memory_order_acquire);
  }

  /// True in a vfork child: what looks like our state is its parent's, and
  /// only the parent may change it. Costs one getpid(2), and is false where
  /// that may not be asked (kernel::silent).
  bool IsBorrowed();

  /// Changes whenever this process, or one it forked, is known to have forked:
  /// children say so in memory that they share with their parent.
  std::uint32_t forks();

  /// A child was made that may have inherited descriptors. Unlike forks, known
  /// before the child has called anything; it may be another program by then.
  void NoteChild() { children_.fetch_add(1, std::memory_order_relaxed); }
  std::uint32_t children() const {
    return children_.load(std::memory_order_relaxed);
  }

  /// As above, of a child that is a copy of this process.
  void NoteFork() {
    copies_.fetch_add(1, std::memory_order_relaxed);
    NoteChild();
  }
  std::uint32_t copies() const {
    return copies_.load(std::memory_order_relaxed);
  }

  /// Counts the forks that lead from the first process to this one. Whoever
  /// keeps something that a fork must not double compares it.
  std::uint32_t generation();

 private:
  void Adopt();

  std::atomic<std::atomic<std::uint32_t>*> forks_{nullptr};
  std::atomic<std::uint32_t> children_{0};
  std::atomic<std::uint32_t> copies_{0};
  std::atomic<bool> initialised_{false};
  std::atomic<std::uint32_t> generation_{0};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_PROCESS_H_
