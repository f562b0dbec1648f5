#include "collector/accounts/cost.h"

namespace proxymeter::collector {
namespace {

constexpr CostUnits kMost = ~CostUnits{0};
constexpr long double kUnitsPerCurrency =
    static_cast<long double>(kUnitsPerBillionth) * 1e9L;

// Three factors of 64 bits each do not fit 128; no true price is near.
CostUnits Product(CostUnits a, std::uint64_t b) {
  CostUnits product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMost : product;
}

CostUnits Amount(std::int64_t billionths, std::uint64_t units) {
  return Product(static_cast<CostUnits>(billionths), units);
}

}  // namespace

CostUnits AddCosts(CostUnits a, CostUnits b) {
  CostUnits sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kMost : sum;
}

CostUnits CostOf(const Price& price, const BilledBytes& bytes,
                 const Counters& traffic) {
  const CostUnits per_byte =
      Amount(price.per_gb, kUnitsPerBillionth / price.divisor);
  CostUnits cost = 0;
  if (price.directions != Price::Directions::kReceived) {
    cost = AddCosts(cost, Product(per_byte, bytes.sent));
  }
  if (price.directions != Price::Directions::kSent) {
    cost = AddCosts(cost, Product(per_byte, bytes.received));
  }
  const CostUnits per_request = Amount(price.per_request, kUnitsPerBillionth);
  cost = AddCosts(cost, Product(per_request, traffic[kRequests]));
  const CostUnits per_success = Amount(price.per_success, kUnitsPerBillionth);
  return AddCosts(cost, Product(per_success, traffic[kResponses2xx]));
}

double InCurrency(CostUnits cost) {
  return static_cast<double>(static_cast<long double>(cost) /
                             kUnitsPerCurrency);
}

}  // namespace proxymeter::collector
