#include "collector/audit/host_addresses.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace proxymeter::collector {
namespace {

constexpr std::size_t kThreads = 8;

Address ToAddress(const addrinfo& info) {
  Address address{};
  if (info.ai_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, info.ai_addr, sizeof in);
    address = MappedIpv4(0, 0, 0, 0);
    std::memcpy(&address[12], &in.sin_addr, 4);
  } else {
    sockaddr_in6 in6;
    std::memcpy(&in6, info.ai_addr, sizeof in6);
    std::memcpy(address.data(), &in6.sin6_addr, 16);
  }
  return address;
}

std::vector<Address> AddressesOf(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6) {
      addresses.push_back(ToAddress(*each));
    }
  }
  freeaddrinfo(found);
  return addresses;
}

// Shared with threads that may outlive who asked: getaddrinfo() cannot be told
// to give up. (getaddrinfo_a() can, but crashed now and then with glibc 2.36.)
class Questions {
 public:
  explicit Questions(std::vector<std::string> hosts)
      : hosts_(std::move(hosts)), answers_(hosts_.size()) {}

  void Work() {
    std::unique_lock lock(mutex_);
    while (next_ < hosts_.size()) {
      const std::size_t i = next_++;
      lock.unlock();
      std::vector<Address> addresses = AddressesOf(hosts_[i]);
      lock.lock();
      answers_[i] = std::move(addresses);
      if (++answered_ == hosts_.size()) all_answered_.notify_all();
    }
  }

  HostAddresses Await(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    all_answered_.wait_for(lock, patience,
                           [this] { return answered_ == hosts_.size(); });
    next_ = hosts_.size();  // no more are begun
    HostAddresses all;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      const std::vector<Address>& addresses = answers_[i];
      if (addresses.empty()) all.unresolved.push_back(hosts_[i]);
      for (const Address& address : addresses) {
        std::vector<std::string>& names = all.hosts[address];
        if (names.empty() || names.back() != hosts_[i]) {
          names.push_back(hosts_[i]);
        }
      }
    }
    return all;
  }

 private:
  const std::vector<std::string> hosts_;
  std::mutex mutex_;
  std::condition_variable all_answered_;
  std::size_t next_ = 0;
  std::size_t answered_ = 0;
  std::vector<std::vector<Address>> answers_;
};

}  // namespace

HostAddresses ResolveHosts(const std::vector<std::string>& hosts,
                           std::chrono::milliseconds patience) {
  const auto questions = std::make_shared<Questions>(hosts);
  try {
    for (std::size_t i = 0; i < std::min(kThreads, hosts.size()); ++i) {
      std::thread([questions] { questions->Work(); }).detach();
    }
  } catch (const std::system_error&) {
    // Where no thread is to be had, those that there are must do.
  }
  return questions->Await(patience);
}

}  // namespace proxymeter::collector
