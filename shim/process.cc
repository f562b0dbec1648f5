#include "shim/process.h"

#include <sys/mman.h>

#include <cstddef>

#include "shim/kernel.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace proxymeter::shim {
namespace {

constexpr std::size_t kPageBytes = 4096;

// All zero, hence in .bss: the kernel wipes anonymous memory only, and what has
// an initial value is mapped from the file.
struct alignas(kPageBytes) WipedPage {
  std::atomic<std::int32_t> owner;  // 0 once the kernel has wiped it
};
constinit WipedPage page;

std::int32_t Pid() {
  return static_cast<std::int32_t>(kernel::Call(SYS_getpid));
}

}  // namespace

void Process::Initialise() {
  kernel::Call(SYS_madvise, &page, static_cast<long>(sizeof(page)),
               MADV_WIPEONFORK);
  page.owner.store(Pid(), std::memory_order_relaxed);
  initialised_.store(true, std::memory_order_release);
}

std::uint32_t Process::forks() {
  std::atomic<std::uint32_t>* forks = forks_.load(std::memory_order_acquire);
  if (forks == nullptr) {
    const long memory =
        kernel::Call(SYS_mmap, 0, static_cast<long>(kPageBytes),
                     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory < 0 && memory > -4096) return 0;
    auto* fresh = reinterpret_cast<std::atomic<std::uint32_t>*>(memory);
    if (forks_.compare_exchange_strong(forks, fresh,
                                       std::memory_order_acq_rel)) {
      forks = fresh;
    } else {
      kernel::Call(SYS_munmap, memory, static_cast<long>(kPageBytes));
    }
  }
  return forks->load(std::memory_order_acquire);
}

void Process::Adopt() {
  std::int32_t wiped = 0;
  // Several threads of the child may arrive here; one of them is the first.
  if (page.owner.compare_exchange_strong(wiped, Pid(),
                                         std::memory_order_acq_rel)) {
    generation_.fetch_add(1, std::memory_order_release);
    if (auto* forks = forks_.load(std::memory_order_acquire)) {
      forks->fetch_add(1, std::memory_order_acq_rel);
    }
  }
}

bool Process::IsBorrowed() {
  if (!initialised_.load(std::memory_order_acquire)) return false;
  if (page.owner.load(std::memory_order_acquire) == 0) Adopt();
  // Not to be told from a fork without asking: in a sandbox children of vfork
  // are taken for it.
  const std::int32_t pid = Pid();
  return pid > 0 && page.owner.load(std::memory_order_acquire) != pid;
}

std::uint32_t Process::generation() {
  if (initialised_.load(std::memory_order_acquire) &&
      page.owner.load(std::memory_order_acquire) == 0) {
    Adopt();
  }
  return generation_.load(std::memory_order_acquire);
}

}  // namespace proxymeter::shim
