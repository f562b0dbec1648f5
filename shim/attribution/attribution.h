// Whose connection is this?
#ifndef PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_
#define PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/limits.h"
#include "shim/attribution/labels.h"
#include "shim/attribution/policy_map.h"
#include "shim/attribution/resolved_hosts.h"
#include "shim/environment.h"
#include "shim/protocol/bytes.h"

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

/// What a connection may still show that tells more than where it goes.
struct Expected {
  bool vendor = false;       ///< whose it is is open until it shows
  bool name = false;         ///< the name it asks for may be another vendor's
  bool credentials = false;  ///< user name and password are worth reading
  bool header = false;       ///< so is X-Proxy-Vendor

  bool any() const { return vendor || name || credentials || header; }
  bool reads() const { return credentials || header; }
};

/// What a connection has shown. Each may be empty.
struct Shown {
  std::string_view user;
  std::string_view password;
  std::string_view header;       ///< X-Proxy-Vendor
  std::string_view server_name;  ///< SNI of TLS to the proxy itself

  bool any() const {
    return !user.empty() || !password.empty() || !header.empty() ||
           !server_name.empty();
  }
};

class Attribution {
 public:
  constexpr explicit Attribution(const Environment* environment)
      : environment_(environment) {}

  /// The vendor of the rule that matches, be the address public or not; else,
  /// for addresses outside the cluster, the pod's default vendor, else
  /// `direct`; else nothing. `expected`, if given, says what else may come: of
  /// a connection without a vendor only what may give it one.
  VendorName Classify(const Endpoint& endpoint, Expected* expected = nullptr);
  /// As above, by rules alone: neither the default nor `direct`.
  VendorName ClassifyByRule(const Endpoint& endpoint,
                            Expected* expected = nullptr);

  struct Verdict {
    VendorName vendor;    ///< empty: what was shown names none
    Labels labels;        ///< of that vendor, else of `current`
    bool unread = false;  ///< the vendor has grammars, and none reads this
    bool unknown_header = false;  ///< it names a vendor that nobody knows
  };
  /// What the connection to `endpoint`, of `current` so far, has shown of
  /// itself.
  Verdict Judge(const Endpoint& endpoint, std::string_view current,
                const Shown& shown);

  /// The process has resolved `host` to `address`.
  void Resolved(std::string_view host, const Address& address);
  /// A DNS server has answered with `message`. `generation` is the process's
  /// (Process::generation).
  void Answered(protocol::Bytes message, std::uint32_t generation);
  /// True when a rule mentions `host`, so that its addresses matter.
  bool Matters(std::string_view host);

  PolicyMap& policy() { return policy_; }

 private:
  static void Expect(const PolicyView& policy, const Endpoint& endpoint,
                     const ResolvedHosts::Names& names,
                     const PolicyView::Match& match, bool metered,
                     Expected* expected);

  const Environment* environment_;
  PolicyMap policy_;
  ResolvedHosts hosts_;
  LabelSets label_sets_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ATTRIBUTION_ATTRIBUTION_H_
