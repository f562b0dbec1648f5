// Whose proxy is at an address, as far as addresses can tell.
#ifndef PROXYMETER_COLLECTOR_AUDIT_PROXY_ADDRESSES_H_
#define PROXYMETER_COLLECTOR_AUDIT_PROXY_ADDRESSES_H_

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxymeter/endpoint.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::collector {

/// The vendors of connections that nobody reports: by the policy's rules for
/// addresses, networks and ports; by those for host names, where a name is
/// known to lead to the address; and by what crawlers report of the same
/// endpoint. Not thread-safe.
class ProxyAddresses {
 public:
  /// Stands for vendors that share an endpoint.
  static constexpr char kUnknownVendor[] = "_unknown";

  /// `policy_file` is what crawlers map.
  explicit ProxyAddresses(std::string policy_file);
  ProxyAddresses(const ProxyAddresses&) = delete;
  ProxyAddresses& operator=(const ProxyAddresses&) = delete;
  ~ProxyAddresses();

  /// Maps the policy anew when it is another one. True when it was.
  bool Refresh();

  /// These names lead to these addresses, and no others that were given before.
  void SetNames(absl::flat_hash_map<Address, std::vector<std::string>> names) {
    names_ = std::move(names);
  }
  /// A crawler has reported a connection of `vendor` to `remote`.
  void Learn(const Endpoint& remote, std::string_view vendor);

  /// Empty: nobody's proxy, as far as is known.
  std::string VendorOf(const Endpoint& remote) const;

 private:
  static constexpr std::size_t kMaxLearned = 65536;
  using Key = std::pair<Address, std::uint16_t>;

  void Unmap();

  const std::string policy_file_;
  struct stat seen_ {};
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  PolicyView policy_;
  absl::flat_hash_map<Address, std::vector<std::string>> names_;
  absl::flat_hash_map<Key, std::string> learned_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_PROXY_ADDRESSES_H_
