#include "collector/kernel/final_counts.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>

#include "collector/scoped_fd.h"

namespace proxymeter::collector {
namespace {

constexpr std::uint64_t kMagic = 0x31534c414e494650;  // PFINALS1
constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";
constexpr char kNetworkNamespace[] = "/proc/self/ns/net";

// Where and when cookies mean the sockets that we know. All zero where /proc
// does not tell.
struct World {
  std::array<char, 40> boot_id{};
  std::uint64_t network_namespace = 0;

  static World Here() {
    World here;
    std::ifstream(kBootIdFile).read(here.boot_id.data(), 36);
    struct stat info {};
    if (stat(kNetworkNamespace, &info) == 0) {
      here.network_namespace = info.st_ino;
    }
    return here;
  }
  friend bool operator==(const World&, const World&) = default;
};

}  // namespace

struct FinalCounts::Header {
  std::uint64_t magic;
  World world;
  // Entries written since it was made. Raised first: a collector that is killed
  // in between leaves the oldest entry as it was.
  std::atomic<std::uint64_t> written;
};

struct FinalCounts::Entry {
  // 0 while the other is being written.
  std::atomic<std::uint64_t> cookie;
  std::atomic<std::uint64_t> sent;
};

namespace {
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kEntryBytes = 16;
constexpr std::size_t kBytes =
    kHeaderBytes + FinalCounts::kCapacity * kEntryBytes;
}  // namespace

FinalCounts::FinalCounts(const std::string& file) {
  static_assert(sizeof(Header) <= kHeaderBytes && sizeof(Entry) == kEntryBytes);
  in_file_ = MapFile(file);
  if (!in_file_) {
    spdlog::warn(
        "event=final_counts_in_memory file={} errno={} advice=\"a collector "
        "that is killed forgets what the kernel told it of closed sockets\"",
        file, errno);
    MapMemory();
  }
  if (IsOurs()) {
    ReadEntries();
  } else {
    BeginAnew();
  }
}

FinalCounts::~FinalCounts() { munmap(header_, kBytes); }

bool FinalCounts::MapFile(const std::string& file) {
  const ScopedFd fd(
      open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat info {};
  // Allocated, since a page for which there is no room is SIGBUS.
  if (!fd.valid() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return false;
  }
  if (info.st_size != static_cast<off_t>(kBytes) &&
      ftruncate(fd.get(), 0) != 0) {
    return false;
  }
  if ((errno = posix_fallocate(fd.get(), 0, kBytes)) != 0) return false;
  void* memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return false;
  header_ = static_cast<Header*>(memory);
  return true;
}

void FinalCounts::MapMemory() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  header_ = static_cast<Header*>(memory);
}

FinalCounts::Entry* FinalCounts::entries() const {
  return reinterpret_cast<Entry*>(reinterpret_cast<char*>(header_) +
                                  kHeaderBytes);
}

bool FinalCounts::IsOurs() const {
  return header_->magic == kMagic && header_->world == World::Here();
}

void FinalCounts::BeginAnew() {
  std::memset(static_cast<void*>(header_), 0, kBytes);
  header_->world = World::Here();
  header_->magic = kMagic;
}

void FinalCounts::ReadEntries() {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    const Entry& entry = entries()[i];
    if (const std::uint64_t cookie = entry.cookie) sent_[cookie] = entry.sent;
  }
}

void FinalCounts::Note(std::uint64_t cookie, std::uint64_t sent) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries()[header_->written.fetch_add(1) % kCapacity];
  if (const std::uint64_t oldest = entry.cookie.exchange(0)) {
    sent_.erase(oldest);
  }
  entry.sent = sent;
  entry.cookie = cookie;
  sent_[cookie] = sent;
}

std::optional<std::uint64_t> FinalCounts::SentBy(std::uint64_t cookie) const {
  const std::lock_guard lock(mutex_);
  const auto found = sent_.find(cookie);
  if (found == sent_.end()) return std::nullopt;
  return found->second;
}

}  // namespace proxymeter::collector
