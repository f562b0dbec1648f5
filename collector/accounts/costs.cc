#include "collector/accounts/costs.h"

#include <algorithm>

namespace proxymeter::collector {
namespace {

// Takes as much of `left` off `bytes` as there is.
std::uint64_t Without(std::uint64_t bytes, std::uint64_t& left) {
  const std::uint64_t part = std::min(bytes, left);
  left -= part;
  return bytes - part;
}

std::uint64_t AddSaturating(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? ~std::uint64_t{0} : sum;
}

}  // namespace

void Costs::SetPrices(const std::vector<VendorTerms>& terms) {
  accounts_.clear();
  for (const VendorTerms& vendor : terms) {
    if (vendor.price.has_value()) {
      accounts_[vendor.vendor].price = *vendor.price;
    }
  }
}

Costs::Account* Costs::FindAccount(const std::string& vendor) {
  if (accounts_.empty()) return nullptr;
  const auto found = accounts_.find(vendor);
  return found == accounts_.end() ? nullptr : &found->second;
}

Costs::Row& Costs::FindOrInsert(const std::string& vendor,
                                const std::string& destination,
                                const std::string& currency) {
  const auto [position, inserted] =
      sums_.try_emplace({vendor, destination, currency});
  if (inserted) {
    position->second.number = ++last_number_;
    Changed(*position);
  }
  return *position;
}

Costs::Row& Costs::VendorRow(const std::string& vendor, Account& account) {
  if (account.vendor == nullptr) {
    account.vendor = &FindOrInsert(vendor, "", account.price.currency);
  }
  return *account.vendor;
}

void Costs::Add(const std::string& vendor, const std::string& destination,
                const Counters& traffic) {
  Account* account = FindAccount(vendor);
  if (account == nullptr) return;
  Row& whole = VendorRow(vendor, *account);
  BilledBytes bytes{traffic[kSentBytes], traffic[kReceivedBytes]};
  const bool on_the_wire = account->price.bytes == Price::Bytes::kWire;
  if (!on_the_wire) {
    BilledBytes& left = whole.second.handshakes;
    const BilledBytes before = left;
    bytes = {Without(bytes.sent, left.sent),
             Without(bytes.received, left.received)};
    if (left != before) Changed(whole);
  }
  const CostUnits cost = CostOf(account->price, bytes, traffic);
  Increase(whole, cost);
  if (!on_the_wire) return;
  Row*& row = account->destinations[destination];
  if (row == nullptr) {
    row = &FindOrInsert(vendor, destination, account->price.currency);
  }
  Increase(*row, cost);
}

void Costs::AddHandshakes(const std::string& vendor,
                          const Counters& vendor_row) {
  const std::uint64_t sent = vendor_row[kHandshakeSentBytes];
  const std::uint64_t received = vendor_row[kHandshakeReceivedBytes];
  if (sent == 0 && received == 0) return;
  Account* account = FindAccount(vendor);
  if (account == nullptr || account->price.bytes == Price::Bytes::kWire) return;
  Row& whole = VendorRow(vendor, *account);
  BilledBytes& left = whole.second.handshakes;
  left = {AddSaturating(left.sent, sent),
          AddSaturating(left.received, received)};
  Changed(whole);
}

void Costs::Increase(Row& row, CostUnits cost) {
  if (cost == 0) return;
  row.second.cost = AddCosts(row.second.cost, cost);
  Changed(row);
}

void Costs::Changed(Row& row) {
  if (keeps_changes_) changed_.insert(&row);
}

void Costs::Drop(const std::string& vendor, const std::string& destination) {
  if (Account* account = FindAccount(vendor)) {
    account->destinations.erase(destination);
  }
  // One for each currency that it was ever paid in.
  auto row = sums_.lower_bound({vendor, destination, ""});
  while (row != sums_.end() && row->first.vendor == vendor &&
         row->first.destination == destination) {
    changed_.erase(&*row);
    if (keeps_changes_) dropped_.push_back(row->second.number);
    row = sums_.erase(row);
  }
}

std::vector<CostValue> Costs::Values() const {
  std::vector<CostValue> values;
  values.reserve(sums_.size());
  for (const auto& [key, sum] : sums_) values.push_back({key, sum.cost});
  return values;
}

void Costs::TakeChanges(AccountsState& state) {
  state.dropped_costs = std::exchange(dropped_, {});
  state.costs.reserve(changed_.size());
  for (Row* row : changed_) {
    Sum& sum = row->second;
    state.costs.push_back({sum.number,
                           {row->first, sum.cost},
                           sum.written,
                           sum.handshakes,
                           std::exchange(sum.in_ledger, true)});
  }
  changed_.clear();
}

// Null when it was dropped since, and perhaps begun anew.
Costs::Row* Costs::Find(const CostRow& row) {
  const auto found = sums_.find(row.value.key);
  if (found == sums_.end() || found->second.number != row.number) {
    return nullptr;
  }
  return &*found;
}

void Costs::Committed(const AccountsState& state) {
  for (const CostRow& cost : state.costs) {
    if (Row* row = Find(cost)) row->second.written = cost.value.cost;
  }
}

void Costs::PutBack(const AccountsState& state) {
  for (const CostRow& cost : state.costs) {
    Row* row = Find(cost);
    if (row == nullptr) continue;
    row->second.in_ledger = cost.in_ledger;
    changed_.insert(row);
  }
  dropped_.insert(dropped_.end(), state.dropped_costs.begin(),
                  state.dropped_costs.end());
}

void Costs::Restore(const AccountsState& state) {
  for (const CostRow& cost : state.costs) {
    sums_[cost.value.key] = {cost.number, cost.value.cost, cost.value.cost,
                             cost.handshakes, /*in_ledger=*/true};
    last_number_ = std::max(last_number_, cost.number);
  }
}

}  // namespace proxymeter::collector
