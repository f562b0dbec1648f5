#include "collector/policy/vendor_entry.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "collector/policy/match_rules.h"
#include "collector/policy/vendor_labels.h"
#include "collector/policy/vendor_prices.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 7> kVendorKeys = {
    "name",   "match", "user_names",      "passwords",
    "labels", "price", "max_destinations"};

constexpr std::uint32_t kMaxDestinations = 100'000;  // of all vendors together

absl::Status ParseMaxDestinations(const YamlNode& node, std::uint32_t* to) {
  absl::StatusOr<std::string> text = node.Text();
  if (!text.ok()) return text.status();
  std::uint32_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || text->front() == '0' ||
      value > kMaxDestinations) {
    return node.Error(
        fmt::format("'{}' is not a number of destinations: 1 to {} is expected",
                    *text, kMaxDestinations));
  }
  *to = value;
  return absl::OkStatus();
}

// Everything but the name and the rules.
absl::Status ParseTerms(const YamlMapping& mapping, Vendor* vendor) {
  const auto read = [&mapping](std::string_view key, const auto& parse,
                               auto* to) -> absl::Status {
    const YamlNode* node = mapping.Find(key);
    if (node == nullptr) return absl::OkStatus();
    auto value = parse(*node);
    if (value.ok()) *to = *std::move(value);
    return value.status();
  };
  absl::Status status = read("user_names", ParseGrammars, &vendor->user_names);
  if (status.ok()) {
    status = read("passwords", ParseGrammars, &vendor->passwords);
  }
  if (status.ok()) {
    const auto parse = [vendor](const YamlNode& node) {
      return ParseLabels(node, *vendor);
    };
    status = read("labels", parse, &vendor->labels);
  }
  if (status.ok()) status = read("price", ParsePrice, &vendor->price);
  const YamlNode* destinations = mapping.Find("max_destinations");
  if (status.ok() && destinations != nullptr) {
    status = ParseMaxDestinations(*destinations, &vendor->max_destinations);
  }
  return status;
}

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
  if (const YamlNode* match = mapping->Find("match")) {
    absl::StatusOr<std::vector<ParsedRule>> rules = ParseRules(*match);
    if (!rules.ok()) return rules.status();
    for (ParsedRule& parsed : *rules) {
      absl::Status status = conditions_.Claim(parsed, vendor.name);
      if (!status.ok()) return status;
      vendor.match.push_back(std::move(parsed.rule));
    }
  } else if (!config_->vendor_header) {
    return node.Error(
        "'match' is missing (only with 'vendor_header: true' can a vendor do "
        "without)");
  }
  if (absl::Status status = ParseTerms(*mapping, &vendor); !status.ok()) {
    return status;
  }
  config_->vendors.push_back(std::move(vendor));
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
