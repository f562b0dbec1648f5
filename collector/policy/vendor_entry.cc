#include "collector/policy/vendor_entry.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "collector/policy/catalogue.h"
#include "collector/policy/match_rules.h"
#include "collector/policy/product.h"
#include "collector/policy/vendor_terms.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 8> kVendorKeys = {
    "name",   "match", "user_names",       "passwords",
    "labels", "price", "max_destinations", "use"};
// Prices are what somebody agreed on: none is known here.
constexpr std::array<std::string_view, 5> kCatalogueKeys = {
    "name", "match", "user_names", "passwords", "labels"};

// The terms of a vendor in the catalogue, and its rules, which stand for
// `use`, on whose line they are.
struct FromCatalogue {
  Vendor vendor;
  std::vector<ParsedRule> rules;
};

absl::StatusOr<FromCatalogue> Use(const YamlNode& use,
                                  const std::string& name) {
  absl::StatusOr<CatalogueFile> file = FindInCatalogue(use, name);
  if (!file.ok()) return file.status();
  absl::StatusOr<YamlNode> top =
      YamlNode::Parse(file->yaml, fmt::format("catalogue/{}.yaml", name));
  if (!top.ok()) return top.status();
  absl::StatusOr<YamlMapping> mapping = top->Mapping(kCatalogueKeys);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<YamlNode> match = top->Required(*mapping, "match");
  if (!match.ok()) return match.status();
  FromCatalogue from;
  absl::StatusOr<std::vector<ParsedRule>> rules = ParseRules(*match);
  if (!rules.ok()) return rules.status();
  from.rules = *std::move(rules);
  for (ParsedRule& rule : from.rules) {
    rule.rule.line = use.line();
    rule.rule.catalogue = name;
    for (Condition& condition : rule.conditions) condition.node = use;
  }
  absl::Status status = ParseTerms(*mapping, &from.vendor);
  if (!status.ok()) return status;
  return from;
}

// What of `labels` stands in `mapping` with a value that it shall have.
absl::StatusOr<std::vector<ProductLabel>> ParseProduct(
    const YamlMapping& mapping, const std::vector<std::string>& labels) {
  std::vector<ProductLabel> product;
  for (const std::string& label : labels) {
    const YamlNode* node = mapping.Find(label);
    if (node == nullptr) continue;
    absl::StatusOr<std::string> value = node->Text();
    if (!value.ok()) return value.status();
    product.push_back({label, *std::move(value), *node});
  }
  return product;
}

}  // namespace

absl::Status VendorReader::Read(const YamlNode& node) {
  FromCatalogue base;
  std::vector<std::string_view> keys(kVendorKeys.begin(), kVendorKeys.end());
  const std::optional<YamlNode> use = node.Peek("use");
  if (use.has_value()) {
    absl::StatusOr<std::string> name = use->Text();
    if (!name.ok()) return name.status();
    absl::StatusOr<FromCatalogue> from = Use(*use, *name);
    if (!from.ok()) return from.status();
    base = *std::move(from);
  }
  const std::vector<std::string> product_keys = base.vendor.labels;
  keys.insert(keys.end(), product_keys.begin(), product_keys.end());
  absl::StatusOr<YamlMapping> mapping = node.Mapping(keys);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<std::vector<ProductLabel>> product =
      ParseProduct(*mapping, product_keys);
  if (!product.ok()) return product.status();
  Vendor& vendor = base.vendor;
  absl::Status status = use.has_value() && mapping->Find("name") == nullptr
                            ? NameAfterCatalogue(*use, *product, &vendor)
                            : ParseName(node, *mapping, &vendor);
  if (!status.ok()) return status;
  if (const YamlNode* match = mapping->Find("match")) {
    absl::StatusOr<std::vector<ParsedRule>> rules = ParseRules(*match);
    if (!rules.ok()) return rules.status();
    base.rules = *std::move(rules);
  } else if (!use.has_value() && !config_->vendor_header) {
    return node.Error(
        "'match' is missing (only with 'vendor_header: true' can a vendor do "
        "without)");
  }
  status = ParseTerms(*mapping, &vendor);
  if (status.ok()) {
    status = NarrowToProduct(*product, vendor.user_names, &base.rules);
  }
  if (!status.ok()) return status;
  for (ParsedRule& parsed : base.rules) {
    status = conditions_.Claim(parsed, vendor.name);
    if (!status.ok()) return status;
    vendor.match.push_back(std::move(parsed.rule));
  }
  config_->vendors.push_back(std::move(vendor));
  return absl::OkStatus();
}

absl::Status VendorReader::ParseName(const YamlNode& entry,
                                     const YamlMapping& mapping,
                                     Vendor* vendor) {
  absl::StatusOr<YamlNode> node = entry.Required(mapping, "name");
  if (!node.ok()) return node.status();
  absl::StatusOr<std::string> name = node->Text();
  if (!name.ok()) return name.status();
  if (*name == kDirectVendor) {
    return node->Error(
        fmt::format("'{}' is reserved for traffic that uses no vendor", *name));
  }
  if (!IsVendorName(*name)) {
    return node->Error(
        fmt::format("'{}' is not a vendor name: 1 to {} of a-z, 0-9, '_', "
                    "'.', '-', the first a letter or digit",
                    *name, kMaxVendorLength));
  }
  return TakeName(*node, *std::move(name), vendor);
}

absl::Status VendorReader::NameAfterCatalogue(
    const YamlNode& use, const std::vector<ProductLabel>& product,
    Vendor* vendor) {
  std::string name = *use.Text();
  for (const ProductLabel& label : product) {
    name += fmt::format("-{}", absl::AsciiStrToLower(label.value));
  }
  if (!IsVendorName(name)) {
    return use.Error(
        fmt::format("'{}' would be its name and is none: give a 'name'", name));
  }
  return TakeName(use, std::move(name), vendor);
}

absl::Status VendorReader::TakeName(const YamlNode& node, std::string name,
                                    Vendor* vendor) {
  const auto [known, added] = lines_.emplace(name, node.line());
  if (!added) {
    return node.Error(fmt::format("'{}' is already the vendor on line {}", name,
                                  known->second));
  }
  vendor->name = std::move(name);
  vendor->line = node.line();
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
