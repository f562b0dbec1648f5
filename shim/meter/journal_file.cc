#include "shim/meter/journal_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>

#include "shim/clock.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

// Readable by a collector that runs as another user: the directory cannot be
// listed and the name is random, so readable does not mean findable.
constexpr long kJournalMode = 0644;
// As the collector makes it, which corrects what the umask takes away.
constexpr long kJournalsMode = 01733;

bool Failed(long result) { return result < 0 && result > -4096; }

// The thread sanitizer learns from libc alone that memory is gone, and takes
// what is mapped there next for the same.
void Unmap(void* memory, std::size_t bytes) {
#ifdef __SANITIZE_THREAD__
  munmap(memory, bytes);
#else
  kernel::Call(SYS_munmap, memory, static_cast<long>(bytes));
#endif
}

// The kernel would answer an allocation above the limit with SIGXFSZ, which
// kills the application.
bool FileSizeAllowed(std::uint64_t bytes) {
  struct rlimit64 limit = {};
  return kernel::Call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) == 0 &&
         limit.rlim_cur >= bytes;
}

bool Allocate(long descriptor, std::uint64_t from, std::uint64_t to) {
  return FileSizeAllowed(to) &&
         kernel::Call(SYS_fallocate, descriptor, 0, static_cast<long>(from),
                      static_cast<long>(to - from)) == 0;
}

void Raise(std::atomic<std::uint32_t>& value, std::uint32_t to) {
  std::uint32_t before = value.load(std::memory_order_relaxed);
  while (before < to &&
         !value.compare_exchange_weak(before, to, std::memory_order_acq_rel)) {
  }
}

bool RandomBytes(std::uint8_t* bytes, std::size_t size) {
  return kernel::Call(SYS_getrandom, bytes, static_cast<long>(size),
                      1 /* GRND_NONBLOCK */) == static_cast<long>(size);
}

// A process that is there before its collector makes the place itself, if the
// directory is its own user's: the collector must own both.
void MakeJournals(const Path& directory) {
  struct stat status = {};
  if (kernel::Call(SYS_newfstatat, AT_FDCWD, directory.c_str(), &status, 0) !=
          0 ||
      status.st_uid != static_cast<uid_t>(kernel::Call(SYS_geteuid))) {
    return;
  }
  kernel::Call(SYS_mkdirat, AT_FDCWD, Join(directory, kJournalsName).c_str(),
               kJournalsMode);
}

}  // namespace

JournalFile* JournalFile::Create(const Path& directory) {
  const long memory =
      kernel::Call(SYS_mmap, 0, static_cast<long>(sizeof(JournalFile)),
                   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (Failed(memory)) return nullptr;
  auto* journal = reinterpret_cast<JournalFile*>(memory);
  if (RandomBytes(journal->session_, sizeof(journal->session_)) &&
      (journal->CreateFile(directory) || journal->CreateMemory())) {
    return journal;
  }
  Unmap(journal, sizeof(JournalFile));
  return nullptr;
}

void JournalFile::Discard(JournalFile* journal) {
  if (journal->is_file_) {
    kernel::Call(SYS_unlinkat, AT_FDCWD, journal->path_.c_str(), 0);
  }
  Unmap(journal->header_, kMaxJournalBytes);
  Unmap(journal, sizeof(JournalFile));
}

bool JournalFile::CreateFile(const Path& directory) {
  constexpr char kDigits[] = "0123456789abcdef";
  char name[2 * kSessionIdBytes];
  for (std::size_t i = 0; i < kSessionIdBytes; ++i) {
    name[2 * i] = kDigits[session_[i] >> 4];
    name[2 * i + 1] = kDigits[session_[i] & 15];
  }
  path_ = Join(Join(directory, kJournalsName), {name, sizeof(name)});
  if (path_.empty()) return false;
  MakeJournals(directory);
  const kernel::ScopedDescriptor file(kernel::Call(
      SYS_openat, AT_FDCWD, path_.c_str(),
      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kJournalMode));
  if (!file.ok()) return false;
  struct stat status = {};
  long memory = -1;
  const bool usable = kernel::Call(SYS_fchmod, file.get(), kJournalMode) == 0 &&
                      kernel::Call(SYS_fstat, file.get(), &status) == 0 &&
                      Allocate(file.get(), 0, kJournalExtentBytes);
  if (usable) {
    // Address space for the whole file at once; only what is allocated is
    // touched.
    memory = kernel::Call(SYS_mmap, 0, static_cast<long>(kMaxJournalBytes),
                          PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  }
  if (!usable || Failed(memory)) {
    kernel::Call(SYS_unlinkat, AT_FDCWD, path_.c_str(), 0);
    return false;
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  is_file_ = true;
  header_ = reinterpret_cast<JournalHeader*>(memory);
  WriteHeader(RowsInExtents(1));
  return true;
}

bool JournalFile::CreateMemory() {
  const long memory =
      kernel::Call(SYS_mmap, 0, static_cast<long>(kMaxJournalBytes),
                   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (Failed(memory)) return false;
  header_ = reinterpret_cast<JournalHeader*>(memory);
  WriteHeader(kMaxJournalRows);
  return true;
}

void JournalFile::WriteHeader(std::uint32_t allocated_rows) {
  JournalHeader* header = header_;
  header->version = kJournalVersion;
  header->header_bytes = kJournalHeaderBytes;
  header->row_bytes = kJournalRowBytes;
  header->max_rows = kMaxJournalRows;
  std::memcpy(header->session.data(), session_, sizeof(session_));
  header->started_unix_ns = UnixNs();
  header->tells_ends = 1;
  header->pid = static_cast<std::int32_t>(kernel::Call(SYS_getpid));
  kernel::Call(SYS_prctl, PR_GET_NAME, header->command);
  header->allocated_rows.store(allocated_rows, std::memory_order_relaxed);
  // Last: a reader that finds the magic finds the rest.
  std::atomic_ref(header->magic)
      .store(kJournalMagic, std::memory_order_release);
}

// Backs a part of the file with allocated space. By path, as no descriptor
// stays open: after chroot, a change of user or under a sandbox this fails.
bool JournalFile::Back(std::uint64_t from, std::uint64_t to) const {
  const kernel::ScopedDescriptor file(kernel::Call(
      SYS_openat, AT_FDCWD, path_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0));
  struct stat status = {};
  return file.ok() && kernel::Call(SYS_fstat, file.get(), &status) == 0 &&
         status.st_dev == device_ && status.st_ino == inode_ &&
         Allocate(file.get(), from, to);
}

bool JournalFile::Grow(std::uint32_t rows) {
  if (!is_file_ || rows > kMaxJournalRows) return false;
  std::size_t extents = 1;
  while (RowsInExtents(extents) < rows) ++extents;
  if (!Back(0, extents * kJournalExtentBytes)) return false;
  Raise(header_->allocated_rows, RowsInExtents(extents));
  return true;
}

bool JournalFile::GrowSlots(std::uint32_t slots) {
  if (!is_file_ || slots > kMaxMoreSlots) return false;
  const std::uint32_t extents = (slots + kSlotsInExtent - 1) / kSlotsInExtent;
  if (!Back(kMoreSlotsOffset,
            kMoreSlotsOffset + extents * kJournalExtentBytes)) {
    return false;
  }
  Raise(header_->allocated_slots, extents * kSlotsInExtent);
  return true;
}

}  // namespace proxymeter::shim
