#include "collector/policy/address_conflict.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

struct Place {
  std::string text;
  const Vendor* vendor;
  const MatchRule* rule;
};

// `entries` has it by that line.
template <typename Entries>
bool Has(const Entries& entries, const Cidr& network, std::uint32_t line) {
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.line == line && CidrOf(entry) == network;
  });
}

Place PlaceOf(const AddressConflict::Claim& claim, const Cidr& network,
              const VendorConfig& config) {
  std::size_t index = claim.rule;  // counted over all vendors
  std::size_t v = 0;
  for (; index >= config.vendors[v].match.size(); ++v) {
    index -= config.vendors[v].match.size();
  }
  const Vendor& vendor = config.vendors[v];
  const MatchRule& rule = vendor.match[index];
  Place place{fmt::format("{}:{}: vendors[{}].match[{}]", config.file_name,
                          rule.line, v, index),
              &vendor, &rule};
  for (const auto& list : rule.address_lists) {
    if (claim.line != 0 && (Has(list->entries4, network, claim.line) ||
                            Has(list->entries6, network, claim.line))) {
      place.text += fmt::format(", {}:{}", list->path, claim.line);
      break;
    }
  }
  return place;
}

}  // namespace

absl::Status DescribeConflict(const AddressConflict& conflict,
                              const VendorConfig& config) {
  const Place earlier = PlaceOf(conflict.earlier, conflict.network, config);
  const Place later = PlaceOf(conflict.later, conflict.network, config);
  std::string what = fmt::format("'{}'", FormatCidr(conflict.network));
  if (!later.rule->ports.empty()) {
    what += fmt::format(" with port {}", FormatPorts(later.rule->ports));
  }
  if (!later.rule->user.empty()) {
    what += fmt::format("{}user '{}'",
                        later.rule->ports.empty() ? " with " : " and ",
                        later.rule->user);
  }
  std::string message =
      fmt::format("{}: overlapping: {} already belongs to vendor '{}' ({})",
                  later.text, what, earlier.vendor->name, earlier.text);
  if (conflict.others > 0) {
    message += fmt::format("; and {} more networks", conflict.others);
  }
  return absl::InvalidArgumentError(message);
}

}  // namespace proxymeter::collector
