// Knows where the names of vendors' proxies lead.
#ifndef PROXYMETER_COLLECTOR_AUDIT_HOST_WATCH_H_
#define PROXYMETER_COLLECTOR_AUDIT_HOST_WATCH_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/audit/host_addresses.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

struct HostWatchTimes {
  std::chrono::milliseconds interval = std::chrono::seconds(60);
  /// How soon other names are asked for.
  std::chrono::milliseconds look = std::chrono::seconds(1);
  /// How long an address stays a name's when it is not told again: proxies have
  /// more of them than one answer holds.
  std::chrono::milliseconds keep = std::chrono::hours(1);
  std::chrono::milliseconds patience = std::chrono::seconds(3);
};

/// The names that rules have in full, the first kMaxHosts of them: what stands
/// for a suffix nobody can ask.
std::vector<std::string> ExactHosts(const VendorConfig& config);

/// Asks the system's resolver for the names, now and again. One thread.
class HostWatch {
 public:
  using Names = absl::flat_hash_map<Address, std::vector<std::string>>;
  using Resolve = std::function<HostAddresses(const std::vector<std::string>&,
                                              std::chrono::milliseconds)>;

  /// `hosts` says what is to be asked for now; `tell` gets what is known, when
  /// something has been asked. Both are called by the thread.
  HostWatch(std::function<std::vector<std::string>()> hosts,
            std::function<void(Names)> tell, const HostWatchTimes& times = {},
            Resolve resolve = ResolveHosts);
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;
  ~HostWatch();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Run();
  void Ask(const std::vector<std::string>& hosts, TimePoint now);

  const std::function<std::vector<std::string>()> hosts_;
  const std::function<void(Names)> tell_;
  const HostWatchTimes times_;
  const Resolve resolve_;
  // When each was told last.
  std::map<std::pair<Address, std::string>, TimePoint> known_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_HOST_WATCH_H_
