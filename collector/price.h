// What a vendor charges.
#ifndef PROXYMETER_COLLECTOR_PRICE_H_
#define PROXYMETER_COLLECTOR_PRICE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace proxymeter::collector {

inline constexpr std::uint64_t kGigabyte = 1'000'000'000;
inline constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;

/// Amounts are in billionths of the currency's unit, so that they are exact.
struct Price {
  enum class Directions : std::uint8_t { kBoth, kSent, kReceived };
  enum class Bytes : std::uint8_t {
    kWire,     ///< all that the proxy's sockets carried
    kPayload,  ///< without what CONNECT and SOCKS themselves took
  };
  std::string currency;  ///< ISO 4217: "USD"
  std::int64_t per_gb = 0;
  std::int64_t per_request = 0;
  std::int64_t per_success = 0;       ///< per response of class 2xx
  std::uint64_t divisor = kGigabyte;  ///< bytes of a GB; or kGibibyte
  Directions directions = Directions::kBoth;
  Bytes bytes = Bytes::kWire;

  friend bool operator==(const Price&, const Price&) = default;
};

/// What the accounts have to know of a vendor.
struct VendorTerms {
  std::string vendor;
  std::optional<Price> price{};
  std::uint32_t max_destinations = 0;  ///< of its own; 0: the default

  friend bool operator==(const VendorTerms&, const VendorTerms&) = default;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_PRICE_H_
