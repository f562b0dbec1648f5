// Whose connection is this?
#ifndef PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_
#define PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_

#include <cstddef>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/limits.h"
#include "shim/attribution/policy_map.h"
#include "shim/attribution/resolved_hosts.h"
#include "shim/environment.h"

namespace proxymeter::shim {

/// A vendor's name, copied: the policy it came from may go away. Empty when
/// the connection is not metered.
class VendorName {
 public:
  VendorName() = default;
  explicit VendorName(std::string_view name)
      : length_(name.size() <= kMaxVendorLength ? name.size() : 0) {
    name.copy(text_, length_);
  }
  std::string_view view() const { return {text_, length_}; }
  bool metered() const { return length_ != 0; }

 private:
  char text_[kMaxVendorLength] = {};
  std::size_t length_ = 0;
};

class Attribution {
 public:
  constexpr explicit Attribution(const Environment* environment)
      : environment_(environment) {}

  /// The vendor of the rule that matches, be the address public or not; else,
  /// for addresses outside the cluster, the pod's default vendor, else
  /// `direct`; else nothing.
  VendorName Classify(const Endpoint& endpoint);
  /// As above, by rules alone: neither the default nor `direct`.
  VendorName ClassifyByRule(const Endpoint& endpoint);

  /// The process has resolved `host` to `address`.
  void Resolved(std::string_view host, const Address& address);
  /// True when a rule mentions `host`, so that its addresses matter.
  bool Matters(std::string_view host);

  PolicyMap& policy() { return policy_; }

 private:
  const Environment* environment_;
  PolicyMap policy_;
  ResolvedHosts hosts_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_
