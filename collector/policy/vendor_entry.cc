#include "collector/policy/vendor_entry.h"

#include <array>
#include <string_view>
#include <utility>

#include "collector/policy/match_rules.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 2> kVendorKeys = {"name", "match"};

}  // namespace

absl::Status VendorReader::Read(const YamlNode& node) {
  absl::StatusOr<YamlMapping> mapping = node.Mapping(kVendorKeys);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<YamlNode> name = node.Required(*mapping, "name");
  if (!name.ok()) return name.status();
  Vendor vendor;
  if (absl::Status status = ParseName(*name, &vendor); !status.ok()) {
    return status;
  }
  absl::StatusOr<YamlNode> match = node.Required(*mapping, "match");
  if (!match.ok()) return match.status();
  absl::StatusOr<std::vector<ParsedRule>> rules = ParseRules(*match);
  if (!rules.ok()) return rules.status();
  for (ParsedRule& parsed : *rules) {
    absl::Status status = conditions_.Claim(parsed, vendor.name);
    if (!status.ok()) return status;
    vendor.match.push_back(std::move(parsed.rule));
  }
  vendors_->push_back(std::move(vendor));
  return absl::OkStatus();
}

absl::Status VendorReader::ParseName(const YamlNode& node, Vendor* vendor) {
  absl::StatusOr<std::string> name = node.Text();
  if (!name.ok()) return name.status();
  if (*name == kDirectVendor) {
    return node.Error(
        fmt::format("'{}' is reserved for traffic that uses no vendor", *name));
  }
  if (!IsVendorName(*name)) {
    return node.Error(
        fmt::format("'{}' is not a vendor name: 1 to {} of a-z, 0-9, '_', "
                    "'.', '-', the first a letter or digit",
                    *name, kMaxVendorLength));
  }
  const auto [known, added] = lines_.emplace(*name, node.line());
  if (!added) {
    return node.Error(fmt::format("'{}' is already the vendor on line {}",
                                  *name, known->second));
  }
  vendor->name = *std::move(name);
  vendor->line = node.line();
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
