#include "shim/process.h"

#include <sys/mman.h>

#include "shim/kernel.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace proxymeter::shim {
namespace {

constexpr long kPageBytes = 4096;

std::int32_t Pid() {
  return static_cast<std::int32_t>(kernel::Call(SYS_getpid));
}

}  // namespace

void Process::Initialise() {
  if (page_.load(std::memory_order_acquire) != nullptr) return;
  const long memory =
      kernel::Call(SYS_mmap, 0, kPageBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory < 0 && memory > -4096) return;
  kernel::Call(SYS_madvise, memory, kPageBytes, MADV_WIPEONFORK);
  auto* page = reinterpret_cast<WipedPage*>(memory);
  page->owner.store(Pid(), std::memory_order_relaxed);
  WipedPage* expected = nullptr;
  if (!page_.compare_exchange_strong(expected, page,
                                     std::memory_order_acq_rel)) {
    kernel::Call(SYS_munmap, memory, kPageBytes);
  }
}

void Process::Adopt(WipedPage* page) {
  std::int32_t wiped = 0;
  // Several threads of the child may arrive here; one of them is the first.
  if (page->owner.compare_exchange_strong(wiped, Pid(),
                                          std::memory_order_acq_rel)) {
    generation_.fetch_add(1, std::memory_order_release);
  }
}

bool Process::IsBorrowed() {
  WipedPage* page = page_.load(std::memory_order_acquire);
  if (page == nullptr) return false;
  if (page->owner.load(std::memory_order_acquire) == 0) Adopt(page);
  return page->owner.load(std::memory_order_acquire) != Pid();
}

std::uint32_t Process::generation() {
  WipedPage* page = page_.load(std::memory_order_acquire);
  if (page != nullptr && page->owner.load(std::memory_order_acquire) == 0) {
    Adopt(page);
  }
  return generation_.load(std::memory_order_acquire);
}

}  // namespace proxymeter::shim
