#include "collector/policy/vendor_terms.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "collector/policy/vendor_labels.h"
#include "collector/policy/vendor_prices.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

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

// Labels of the catalogue are kept where other grammars are given alone.
absl::Status CheckLabelsStay(const YamlMapping& mapping, const Vendor& vendor) {
  const YamlNode* grammars = mapping.Find("user_names");
  if (grammars == nullptr) grammars = mapping.Find("passwords");
  if (grammars == nullptr || mapping.Find("labels") != nullptr) {
    return absl::OkStatus();
  }
  for (const std::string& label : vendor.labels) {
    absl::Status status = CheckLabelHasValue(*grammars, vendor, label);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

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
  if (status.ok()) status = CheckLabelsStay(mapping, *vendor);
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

}  // namespace proxymeter::collector
