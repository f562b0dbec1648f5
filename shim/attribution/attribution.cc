#include "shim/attribution/attribution.h"

namespace proxymeter::shim {

VendorName Attribution::ClassifyByRule(const Endpoint& endpoint) {
  ResolvedHosts::Names names;
  hosts_.Find(endpoint.address, &names);
  const PolicyMap::Reader reader(&policy_);
  const PolicyView::Match match = reader.policy().Find(endpoint, names.view());
  return match.found ? VendorName(match.vendor) : VendorName();
}

VendorName Attribution::Classify(const Endpoint& endpoint) {
  const VendorName by_rule = ClassifyByRule(endpoint);
  if (by_rule.metered()) return by_rule;
  if (!LeavesCluster(endpoint.address)) return VendorName();
  const std::string_view vendor = environment_->vendor();
  return VendorName(vendor.empty() ? std::string_view(kDirectVendor) : vendor);
}

void Attribution::Resolved(std::string_view host, const Address& address) {
  hosts_.Remember(address, host);
}

bool Attribution::Matters(std::string_view host) {
  const PolicyMap::Reader reader(&policy_);
  return reader.policy().NamesHost(host);
}

}  // namespace proxymeter::shim
