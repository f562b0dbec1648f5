#include "collector/policy/vendor_config.h"

#include <array>

#include "absl/status/status.h"
#include "collector/policy/filters.h"
#include "collector/policy/text_file.h"
#include "collector/policy/vendor_entry.h"
#include "collector/policy/yaml_node.h"
#include "collector/policy/yaml_values.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::array<std::string_view, 6> kTopKeys = {
    "version",       "vendors", "call_sites",
    "vendor_header", "filters", "destinations"};

constexpr Words<CallSites, 2> kCallSites = {
    {{"off", CallSites::kOff}, {"sampled", CallSites::kSampled}}};
constexpr Words<DestinationNames, 2> kDestinations = {
    {{"host", DestinationNames::kHost},
     {"registrable_domain", DestinationNames::kRegistrableDomain}}};

absl::Status ParseVersion(const YamlNode& node) {
  absl::StatusOr<std::string> number = node.Text();
  if (!number.ok()) return number.status();
  if (*number == kVersion) return absl::OkStatus();
  return node.Error(
      fmt::format("version '{}' is not supported, only {}", *number, kVersion));
}

absl::Status ParseSettings(const YamlMapping& mapping, VendorConfig* config) {
  absl::Status status;
  if (const YamlNode* node = mapping.Find("call_sites")) {
    status = ParseWord(*node, kCallSites, &config->call_sites);
  }
  if (const YamlNode* node = mapping.Find("vendor_header");
      status.ok() && node != nullptr) {
    status = ParseBoolean(*node, &config->vendor_header);
  }
  if (const YamlNode* node = mapping.Find("destinations");
      status.ok() && node != nullptr) {
    status = ParseWord(*node, kDestinations, &config->destinations);
  }
  const YamlNode* node = mapping.Find("filters");
  if (!status.ok() || node == nullptr) return status;
  absl::StatusOr<Filters> filters = ParseFilters(*node);
  if (filters.ok()) config->filters = *std::move(filters);
  return filters.status();
}

absl::Status ParseTop(const YamlNode& top, VendorConfig* config) {
  absl::StatusOr<YamlMapping> mapping = top.Mapping(kTopKeys);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<YamlNode> version = top.Required(*mapping, "version");
  if (!version.ok()) return version.status();
  absl::Status status = ParseVersion(*version);
  if (status.ok()) status = ParseSettings(*mapping, config);
  if (!status.ok()) return status;
  absl::StatusOr<YamlNode> vendors = top.Required(*mapping, "vendors");
  if (!vendors.ok()) return vendors.status();
  absl::StatusOr<std::vector<YamlNode>> list = vendors->List();
  if (!list.ok()) return list.status();
  VendorReader reader(config);
  for (const YamlNode& vendor : *list) {
    if (status = reader.Read(vendor); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VendorConfig> ParseVendorConfig(std::string_view yaml,
                                               std::string_view file_name) {
  absl::StatusOr<YamlNode> top = YamlNode::Parse(yaml, file_name);
  if (!top.ok()) return top.status();
  VendorConfig config;
  config.file_name = std::string(file_name);
  if (absl::Status status = ParseTop(*top, &config); !status.ok()) {
    return status;
  }
  return config;
}

std::vector<VendorTerms> TermsOf(const VendorConfig& config) {
  std::vector<VendorTerms> terms;
  for (const Vendor& vendor : config.vendors) {
    terms.push_back({vendor.name, vendor.price, vendor.max_destinations});
  }
  return terms;
}

absl::StatusOr<VendorConfig> LoadVendorConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  return ParseVendorConfig(*text, path);
}

}  // namespace proxymeter::collector
