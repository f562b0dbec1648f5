#include "shim/attribution/policy_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "shim/clock.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

constexpr std::uint64_t kLookIntervalNs = 1'000'000'000;
constinit const PolicyView kNoPolicy;

// By the name that the kernel has for the process, not for this thread.
bool Meters(const PolicyView& policy) {
  if (policy.Setting(PolicySettingKind::kProcesses) == 0) return true;
  const kernel::ScopedDescriptor file(kernel::Call(
      SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC, 0));
  char name[16];
  const long size =
      file.ok() ? kernel::Call(SYS_read, file.get(), name, sizeof(name)) : 0;
  // Without a name it is none of those that the policy lists.
  std::string_view text(name, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return policy.MetersProcess(text);
}

}  // namespace

PolicyMap::Reader::Reader(PolicyMap* map)
    : map_(map), slot_(-1), view_(&kNoPolicy) {
  for (;;) {
    const int slot = map->current_.load(std::memory_order_acquire);
    if (slot < 0) return;
    map->slots_[slot].readers.fetch_add(1, std::memory_order_seq_cst);
    // Still in force? Otherwise its memory may be going away.
    if (map->current_.load(std::memory_order_seq_cst) == slot) {
      slot_ = slot;
      view_ = &map->slots_[slot].view;
      return;
    }
    map->slots_[slot].readers.fetch_sub(1, std::memory_order_release);
  }
}

PolicyMap::Reader::~Reader() {
  if (slot_ >= 0) {
    map_->slots_[slot_].readers.fetch_sub(1, std::memory_order_release);
  }
}

PolicyMap::Change PolicyMap::Refresh(const Path& directory,
                                     std::uint32_t generation) {
  const std::uint64_t now = MonotonicNs();
  if (now < next_look_ns_.load(std::memory_order_relaxed)) {
    return Change::kNone;
  }
  std::uint32_t loader = loader_.load(std::memory_order_relaxed);
  if (loader == generation + 1 ||
      !loader_.compare_exchange_strong(loader, generation + 1,
                                       std::memory_order_acquire)) {
    AwaitFirst(generation);
    return Change::kNone;  // Another thread is at it, or this one was.
  }
  const Change change = Load(directory);
  if (change == Change::kRejected) {
    rejections_.fetch_add(1, std::memory_order_relaxed);
  }
  next_look_ns_.store(now + kLookIntervalNs, std::memory_order_relaxed);
  loader_.store(0, std::memory_order_release);
  return change;
}

// Threads that open their first connections together: without this, all but the
// one that maps the policy would not know their vendors. A signal handler that
// has interrupted its own thread at it waits in vain, but not for long.
void PolicyMap::AwaitFirst(std::uint32_t generation) {
  constexpr int kYields = 2000;
  for (int i = 0; i < kYields; ++i) {
    if (current_.load(std::memory_order_acquire) >= 0 ||
        loader_.load(std::memory_order_acquire) != generation + 1) {
      return;
    }
    kernel::Call(SYS_sched_yield);
  }
}

PolicyMap::Identity PolicyMap::IdentityOf(const struct stat& status) {
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

int PolicyMap::FreeSlot(int current) const {
  int slot = 0;
  while (slot < kSlots &&
         (slot == current ||
          slots_[slot].readers.load(std::memory_order_seq_cst) != 0)) {
    ++slot;
  }
  return slot;
}

PolicyMap::Change PolicyMap::Load(const Path& directory) {
  const Path path = Join(directory, kPolicyName);
  if (path.empty()) return Change::kNone;
  struct stat status = {};
  if (kernel::Call(SYS_newfstatat, AT_FDCWD, path.c_str(), &status, 0) != 0) {
    return Change::kNone;  // No collector yet. What was in force stays.
  }
  const Identity identity = IdentityOf(status);
  if (identity == seen_) return Change::kNone;

  const int next = FreeSlot(current_.load(std::memory_order_relaxed));
  // Somebody still reads each of those before: next time.
  if (next == kSlots) return Change::kNone;
  Slot& slot = slots_[next];
  if (slot.memory != nullptr) {
    kernel::Call(SYS_munmap, slot.memory, static_cast<long>(slot.bytes));
    slot.memory = nullptr;
    slot.view = PolicyView();
  }
  struct stat parent = {};
  const kernel::ScopedDescriptor file(
      kernel::Call(SYS_openat, AT_FDCWD, path.c_str(),
                   O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0));
  if (file.get() == -ELOOP) {
    seen_ = identity;  // A link: never to be followed.
    return Change::kRejected;
  }
  // No descriptor or memory to be had just now: look again in a second.
  if (!file.ok() || kernel::Call(SYS_fstat, file.get(), &status) != 0 ||
      kernel::Call(SYS_newfstatat, AT_FDCWD, directory.c_str(), &parent, 0) !=
          0) {
    return Change::kNone;
  }
  const Identity opened = IdentityOf(status);
  if (!S_ISREG(status.st_mode) || status.st_uid != parent.st_uid ||
      status.st_size <= 0) {
    seen_ = opened;
    return Change::kRejected;
  }
  const long memory =
      kernel::Call(SYS_mmap, 0, static_cast<long>(status.st_size), PROT_READ,
                   MAP_SHARED, file.get(), 0);
  if (memory < 0 && memory > -4096) return Change::kNone;
  seen_ = opened;
  slot.memory = reinterpret_cast<void*>(memory);
  slot.bytes = static_cast<std::size_t>(status.st_size);
  const PolicyError error =
      PolicyView::Open({reinterpret_cast<const std::byte*>(memory), slot.bytes},
                       &slot.view, PolicyCheck::kLayout);
  if (error != PolicyError::kOk) {
    kernel::Call(SYS_munmap, slot.memory, static_cast<long>(slot.bytes));
    slot.memory = nullptr;
    return Change::kRejected;
  }
  asks_for_callers_.store(
      slot.view.Setting(PolicySettingKind::kCallSites) ==
          static_cast<std::uint32_t>(PolicyCallSites::kSampled),
      std::memory_order_relaxed);
  meters_process_.store(Meters(slot.view), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_relaxed);
  current_.store(next, std::memory_order_seq_cst);
  return Change::kLoaded;
}

}  // namespace proxymeter::shim
