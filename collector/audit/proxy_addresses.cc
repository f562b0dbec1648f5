#include "collector/audit/proxy_addresses.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <utility>

#include "collector/scoped_fd.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
         a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

ProxyAddresses::ProxyAddresses(std::string policy_file)
    : policy_file_(std::move(policy_file)) {}

ProxyAddresses::~ProxyAddresses() { Unmap(); }

void ProxyAddresses::Unmap() {
  policy_ = PolicyView();
  if (memory_ != nullptr) munmap(std::exchange(memory_, nullptr), bytes_);
}

bool ProxyAddresses::Refresh() {
  const ScopedFd fd(
      open(policy_file_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0 || IsSame(status, seen_) ||
      status.st_size <= 0) {
    return false;
  }
  seen_ = status;
  const auto bytes = static_cast<std::size_t>(status.st_size);
  // Our own file, renamed into place and never changed.
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return false;
  Unmap();
  memory_ = memory;
  bytes_ = bytes;
  learned_.clear();  // vendors may have other names now
  return PolicyView::Open({static_cast<const std::byte*>(memory), bytes},
                          &policy_, PolicyCheck::kLayout) == PolicyError::kOk;
}

void ProxyAddresses::Learn(const Endpoint& remote, std::string_view vendor) {
  if (vendor == kDirectVendor || vendor.empty()) return;
  const Key key(remote.address, remote.port);
  const auto found = learned_.find(key);
  if (found == learned_.end()) {
    if (learned_.size() < kMaxLearned) learned_.emplace(key, vendor);
  } else if (found->second != vendor) {
    found->second = kUnknownVendor;
  }
}

std::string ProxyAddresses::VendorOf(const Endpoint& remote) const {
  std::vector<std::string_view> hosts;
  if (const auto names = names_.find(remote.address); names != names_.end()) {
    hosts.assign(names->second.begin(), names->second.end());
  }
  if (const PolicyView::Match match = policy_.Find(remote, hosts);
      match.found) {
    return std::string(match.vendor);
  }
  const auto found = learned_.find({remote.address, remote.port});
  return found != learned_.end() ? found->second : std::string();
}

}  // namespace proxymeter::collector
