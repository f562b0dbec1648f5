// What all traffic has cost, by vendor and by destination.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_COSTS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_COSTS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/accounts/cost.h"
#include "collector/accounts/row.h"
#include "collector/accounts/state.h"
#include "collector/price.h"

namespace proxymeter::collector {

/// Money is added when counters grow, at the price then in force: what was
/// counted before a price came, or changed, costs what it cost. Nothing is ever
/// taken away, so a vendor's sum never falls.
///
/// Not synchronised: Sessions holds the lock.
class Costs {
 public:
  /// Prices that hold from here on; vendors without one cost no more.
  void SetPrices(const std::vector<VendorTerms>& terms);

  /// Adds what `traffic`, the growth of a traffic row, costs. A destination is
  /// told apart where bytes are billed as they are on the wire: what part of a
  /// hand-shake was a destination's is not known.
  void Add(const std::string& vendor, const std::string& destination,
           const Counters& traffic);

  /// Takes the growth of a vendor's hand-shakes off what is billed next, where
  /// they are not billed. They are part of traffic rows sooner or later, and
  /// taken off once.
  void AddHandshakes(const std::string& vendor, const Counters& vendor_row);

  /// Ends the costs of a destination; the vendor's have them anyway.
  void Drop(const std::string& vendor, const std::string& destination);

  std::vector<CostValue> Values() const;

  /// As those of Totals.
  void KeepChanges() { keeps_changes_ = true; }
  void TakeChanges(AccountsState& state);
  void Committed(const AccountsState& state);
  void PutBack(const AccountsState& state);
  void Restore(const AccountsState& state);

 private:
  struct Sum {
    LedgerNumber number = 0;
    CostUnits cost = 0;
    CostUnits written = 0;
    BilledBytes handshakes{};  // still to be taken off
    bool in_ledger = false;
  };
  using Row = std::pair<const CostKey, Sum>;
  struct Account {
    Price price;
    Row* vendor = nullptr;  // found when needed, as are the others
    absl::flat_hash_map<std::string, Row*> destinations{};
  };

  Account* FindAccount(const std::string& vendor);
  Row& FindOrInsert(const std::string& vendor, const std::string& destination,
                    const std::string& currency);
  Row& VendorRow(const std::string& vendor, Account& account);
  void Increase(Row& row, CostUnits cost);
  void Changed(Row& row);
  Row* Find(const CostRow& row);

  absl::flat_hash_map<std::string, Account> accounts_;  // of priced vendors
  std::map<CostKey, Sum> sums_;  // rows stay where they are
  LedgerNumber last_number_ = 0;
  bool keeps_changes_ = false;
  absl::flat_hash_set<Row*> changed_;
  std::vector<LedgerNumber> dropped_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_COSTS_H_
