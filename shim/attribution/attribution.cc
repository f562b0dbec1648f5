#include "shim/attribution/attribution.h"

#include "shim/protocol/dns_answer.h"

namespace proxymeter::shim {
namespace {

// Of several names for one address the latest counts that a rule holds for: how
// specific a rule is tells it from others for the same name.
PolicyView::Match FindByLatest(const PolicyView& policy,
                               const Endpoint& endpoint,
                               const ResolvedHosts::Names& names) {
  for (const std::string_view& name : names.view()) {
    const PolicyView::Match match =
        policy.FindShown({endpoint, {&name, 1}, {}}, /*by_host=*/true);
    if (match.found) return match;
  }
  return policy.Find(endpoint, {});
}

}  // namespace

// A name that the process has resolved to the address is what it meant, unless
// there are several.
void Attribution::Expect(const PolicyView& policy, const Endpoint& endpoint,
                         const ResolvedHosts::Names& names,
                         const PolicyView::Match& match, bool metered,
                         Expected* expected) {
  if (expected == nullptr) return;
  const bool by_user = policy.MayDependOnUser(endpoint, names.view());
  expected->vendor = by_user || (metered && names.view().size() > 1);
  expected->name =
      metered && policy.MayDependOnHost() && names.view().size() != 1;
  if (!metered && !by_user) return;
  expected->header = policy.Setting(PolicySettingKind::kVendorHeader) != 0;
  // Which vendor the header will name is not known yet.
  expected->credentials =
      by_user || expected->header ||
      (match.found && policy.HasGrammars(match.vendor_index));
}

VendorName Attribution::ClassifyByRule(const Endpoint& endpoint,
                                       Expected* expected) {
  if (!policy_.meters_process()) return VendorName();
  ResolvedHosts::Names names;
  hosts_.Find(endpoint.address, &names);
  const PolicyMap::Reader reader(&policy_);
  const PolicyView::Match match =
      FindByLatest(reader.policy(), endpoint, names);
  Expect(reader.policy(), endpoint, names, match, match.found, expected);
  return match.found ? VendorName(match.vendor) : VendorName();
}

VendorName Attribution::Classify(const Endpoint& endpoint, Expected* expected) {
  if (!policy_.meters_process()) return VendorName();
  ResolvedHosts::Names names;
  hosts_.Find(endpoint.address, &names);
  const PolicyMap::Reader reader(&policy_);
  const PolicyView& policy = reader.policy();
  const PolicyView::Match match = FindByLatest(policy, endpoint, names);
  const bool metered = match.found || (!policy.Inside(endpoint.address) &&
                                       !policy.LeavesPort(endpoint.port));
  Expect(policy, endpoint, names, match, metered, expected);
  if (match.found) return VendorName(match.vendor);
  if (!metered) return VendorName();
  const std::string_view vendor = environment_->vendor();
  return VendorName(vendor.empty() ? std::string_view(kDirectVendor) : vendor);
}

Attribution::Verdict Attribution::Judge(const Endpoint& endpoint,
                                        std::string_view current,
                                        const Shown& shown) {
  const PolicyMap::Reader reader(&policy_);
  const PolicyView& policy = reader.policy();
  Verdict verdict;
  PolicyView::Match match = {};
  if (!shown.header.empty() &&
      policy.Setting(PolicySettingKind::kVendorHeader) != 0) {
    match = policy.FindVendor(shown.header);
    verdict.unknown_header = !match.found;
  }
  if (!match.found && (!shown.user.empty() || !shown.server_name.empty())) {
    ResolvedHosts::Names names;
    hosts_.Find(endpoint.address, &names);
    // What it asks for itself is worth more than what somebody resolved.
    if (!shown.server_name.empty()) names.ShowOnly(shown.server_name);
    match = policy.FindShown({endpoint, names.view(), shown.user},
                             !shown.server_name.empty());
  }
  if (match.found) {
    verdict.vendor = VendorName(match.vendor);
  } else {
    match = policy.FindVendor(current);
    if (!match.found) return verdict;
  }
  GrammarValues values;
  verdict.unread =
      !policy.Read(match.vendor_index, shown.user, shown.password, &values);
  verdict.labels =
      label_sets_.Admit(Labels(policy.LabelNames(match.vendor_index), values));
  return verdict;
}

void Attribution::Resolved(std::string_view host, const Address& address) {
  hosts_.Remember(address, host);
}

void Attribution::Answered(protocol::Bytes message, std::uint32_t generation) {
  policy_.Refresh(environment_->directory(), generation);
  {
    const PolicyMap::Reader reader(&policy_);
    if (!reader.policy().MayDependOnHost()) return;
  }
  protocol::DnsAnswer answer;
  if (!answer.Open(message) || !Matters(answer.name())) return;
  for (Address address; answer.Next(&address);) {
    Resolved(answer.name(), address);
  }
}

bool Attribution::Matters(std::string_view host) {
  const PolicyMap::Reader reader(&policy_);
  return reader.policy().NamesHost(host);
}

}  // namespace proxymeter::shim
