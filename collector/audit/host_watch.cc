#include "collector/audit/host_watch.h"

#include <algorithm>
#include <set>

namespace proxymeter::collector {
std::vector<std::string> ExactHosts(const VendorConfig& config) {
  std::set<std::string> hosts;
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      for (const HostPattern& host : rule.hosts) {
        if (!host.suffix && hosts.size() < kMaxHosts) hosts.insert(host.name);
      }
    }
  }
  return {hosts.begin(), hosts.end()};
}

HostWatch::HostWatch(std::function<std::vector<std::string>()> hosts,
                     std::function<void(Names)> tell,
                     const HostWatchTimes& times, Resolve resolve)
    : hosts_(std::move(hosts)),
      tell_(std::move(tell)),
      times_(times),
      resolve_(std::move(resolve)) {
  thread_ = std::thread([this] { Run(); });
}

HostWatch::~HostWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void HostWatch::Run() {
  std::vector<std::string> asked;
  TimePoint next = TimePoint::min();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    std::vector<std::string> hosts = hosts_();
    const TimePoint now = std::chrono::steady_clock::now();
    if (hosts != asked || now >= next) {
      Ask(hosts, now);
      asked = std::move(hosts);
      next = now + times_.interval;
    }
    lock.lock();
    wake_.wait_for(lock, times_.look, [this] { return stopping_; });
  }
}

void HostWatch::Ask(const std::vector<std::string>& hosts, TimePoint now) {
  if (!hosts.empty()) {
    const HostAddresses found = resolve_(hosts, times_.patience);
    for (const auto& [address, names] : found.hosts) {
      for (const std::string& name : names) known_[{address, name}] = now;
    }
  }
  Names names;
  std::erase_if(known_, [&](const auto& entry) {
    const auto& [key, told] = entry;
    return now - told >= times_.keep ||
           !std::ranges::binary_search(hosts, key.second);
  });
  for (const auto& [key, told] : known_) {
    names[key.first].push_back(key.second);
  }
  tell_(std::move(names));
}

}  // namespace proxymeter::collector
