// The documented precedence, written the obvious way: every rule is tried
// against every connection. What the compiled policy is compared with.
#ifndef PROXYMETER_COLLECTOR_POLICY_REFERENCE_POLICY_H_
#define PROXYMETER_COLLECTOR_POLICY_REFERENCE_POLICY_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collector/policy/vendor_config.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

struct ReferenceMatch {
  std::string_view vendor;
  std::uint32_t rule;  ///< counted over all vendors
};

std::optional<ReferenceMatch> ReferenceFind(
    const VendorConfig& config, const Endpoint& endpoint,
    const std::vector<std::string_view>& hosts, std::string_view user = {});

/// A network that two rules of different vendors claim for the same ports: the
/// rules, counted over all vendors, the earlier one first.
struct ReferenceConflict {
  Cidr network;
  std::uint32_t earlier;
  std::uint32_t later;
};
std::vector<ReferenceConflict> ReferenceConflicts(const VendorConfig& config);

bool ReferenceNamesHost(const VendorConfig& config, std::string_view host);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_REFERENCE_POLICY_H_
