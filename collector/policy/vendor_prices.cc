#include "collector/policy/vendor_prices.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "collector/policy/yaml_values.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 7> kPriceKeys = {
    "currency", "per_gb",     "per_request", "per_success",
    "unit",     "directions", "bytes"};
constexpr std::array<std::string_view, 3> kOfBytes = {"unit", "directions",
                                                      "bytes"};

constexpr std::size_t kDecimals = 9;
constexpr std::size_t kCurrencyLetters = 3;
// A million, in billionths: beyond any price, and what a vendor's whole traffic
// costs by it is still far from the end of 128 bits.
constexpr std::int64_t kMaxAmount = 1'000'000 * std::int64_t{1'000'000'000};

constexpr Words<std::uint64_t, 2> kUnits = {
    {{"GB", kGigabyte}, {"GiB", kGibibyte}}};
constexpr Words<Price::Directions, 3> kDirections = {
    {{"both", Price::Directions::kBoth},
     {"sent", Price::Directions::kSent},
     {"received", Price::Directions::kReceived}}};
constexpr Words<Price::Bytes, 2> kBytes = {
    {{"wire", Price::Bytes::kWire}, {"payload", Price::Bytes::kPayload}}};

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// Digit by digit: 8.4 has no exact form in binary.
absl::Status ParseAmount(const YamlNode& node, std::int64_t* amount) {
  absl::StatusOr<std::string> text = node.Text();
  if (!text.ok()) return text.status();
  const auto refuse = [&](std::string_view why) {
    return node.Error(fmt::format("'{}' is not an amount: {}", *text, why));
  };
  const std::size_t point = text->find('.');
  const std::string whole = text->substr(0, point);
  std::string decimals =
      point == text->npos ? std::string() : text->substr(point + 1);
  if (!IsDigits(whole) || (point != text->npos && !IsDigits(decimals))) {
    return refuse("digits, and at most one point between them, are expected");
  }
  if (whole.size() > 1 && whole[0] == '0') return refuse("leading zeros");
  if (decimals.size() > kDecimals) {
    return refuse(fmt::format("more than {} decimals", kDecimals));
  }
  decimals.resize(kDecimals, '0');
  std::int64_t value = 0;
  for (const char digit : whole + decimals) {
    value = value * 10 + (digit - '0');
    if (value > kMaxAmount) return refuse("over 1000000");
  }
  *amount = value;
  return absl::OkStatus();
}

absl::Status ParseCurrency(const YamlNode& node, std::string* currency) {
  absl::StatusOr<std::string> text = node.Text();
  if (!text.ok()) return text.status();
  if (text->size() != kCurrencyLetters ||
      !std::all_of(text->begin(), text->end(), [](char c) {
        return absl::ascii_isupper(static_cast<unsigned char>(c));
      })) {
    return node.Error(fmt::format(
        "'{}' is not a currency: three capital letters as in ISO 4217 are "
        "expected, such as USD",
        *text));
  }
  *currency = *std::move(text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Price> ParsePrice(const YamlNode& node) {
  absl::StatusOr<YamlMapping> mapping = node.Mapping(kPriceKeys);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<YamlNode> currency = node.Required(*mapping, "currency");
  if (!currency.ok()) return currency.status();
  Price price;
  absl::Status status = ParseCurrency(*currency, &price.currency);
  if (!status.ok()) return status;

  bool any = false;
  const auto amount = [&](std::string_view key, std::int64_t* value) {
    const YamlNode* found = mapping->Find(key);
    if (found == nullptr || !status.ok()) return;
    any = true;
    status = ParseAmount(*found, value);
  };
  amount("per_gb", &price.per_gb);
  amount("per_request", &price.per_request);
  amount("per_success", &price.per_success);
  if (!status.ok()) return status;
  if (!any) {
    return node.Error(
        "a price without an amount: per_gb, per_request or per_success is "
        "needed");
  }

  if (mapping->Find("per_gb") == nullptr) {
    for (const std::string_view key : kOfBytes) {
      if (const YamlNode* found = mapping->Find(key)) {
        return found->Error("says nothing without 'per_gb'");
      }
    }
  }
  const auto word = [&](std::string_view key, const auto& words, auto* value) {
    const YamlNode* found = mapping->Find(key);
    if (found != nullptr && status.ok()) {
      status = ParseWord(*found, words, value);
    }
  };
  word("unit", kUnits, &price.divisor);
  word("directions", kDirections, &price.directions);
  word("bytes", kBytes, &price.bytes);
  if (!status.ok()) return status;
  return price;
}

}  // namespace proxymeter::collector
