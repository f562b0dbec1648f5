// Hosts folded into what somebody registered.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_REGISTRABLE_DOMAIN_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_REGISTRABLE_DOMAIN_H_

#include <string>

namespace proxymeter::collector {

/// "example.co.uk" of "shop.example.co.uk", by the public suffix list that
/// libpsl is built with. What has no such part stays as it is: addresses,
/// public suffixes, single words, `_unknown` and its like.
std::string RegistrableDomain(const std::string& host);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_REGISTRABLE_DOMAIN_H_
