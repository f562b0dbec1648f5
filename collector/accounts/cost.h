// What traffic costs, without rounding.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_COST_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_COST_H_

#include <compare>
#include <cstdint>
#include <string>

#include "collector/accounts/row.h"
#include "collector/price.h"

namespace proxymeter::collector {

/// An amount of money in the largest unit of which everything is a whole
/// number: prices are whole billionths, and a byte of a GB is 1/10^9 of its
/// price, of a GiB 1/2^30. The least common multiple of the two is 2^30 * 5^9,
/// so a unit is 1 / (10^9 * 2^30 * 5^9) of the currency's. Sums are exact
/// whatever their order and however prices change; 128 bits hold 1.6 * 10^14 of
/// the currency.
using CostUnits = unsigned __int128;

inline constexpr std::uint64_t kFiveToTheNinth = 1'953'125;
inline constexpr std::uint64_t kUnitsPerBillionth = kGibibyte * kFiveToTheNinth;
static_assert(kUnitsPerBillionth % kGigabyte == 0 &&
              kUnitsPerBillionth % kGibibyte == 0);

/// Of bytes, the part that is billed.
struct BilledBytes {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;

  friend bool operator==(const BilledBytes&, const BilledBytes&) = default;
};

/// Costs that do not fit stop at the largest value, as counters do.
CostUnits AddCosts(CostUnits a, CostUnits b);

/// What `bytes`, and the requests and responses of `traffic`, cost by `price`.
CostUnits CostOf(const Price& price, const BilledBytes& bytes,
                 const Counters& traffic);

/// In the currency's unit, rounded to the nearest double.
double InCurrency(CostUnits cost);

struct CostKey {
  std::string vendor;
  std::string destination;  ///< empty: all that the vendor ever cost
  std::string currency;

  friend auto operator<=>(const CostKey&, const CostKey&) = default;
};

struct CostValue {
  CostKey key;
  CostUnits cost = 0;

  friend bool operator==(const CostValue&, const CostValue&) = default;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_COST_H_
