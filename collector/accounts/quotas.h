// How much of the collector each owner uses, and may use.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_QUOTAS_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_QUOTAS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "collector/accounts/owner.h"
#include "collector/accounts/rejection.h"

namespace proxymeter::collector {

/// Of open sessions.
struct Usage {
  std::size_t sessions = 0;
  std::size_t rows = 0;
  std::uint64_t journal_bytes = 0;  ///< sizes of the files that are read

  friend bool operator==(const Usage&, const Usage&) = default;
};

/// Not synchronised: Sessions holds the lock.
class Quotas {
 public:
  /// `whole` is for all owners together, `each` for any one of them.
  Quotas(const Usage& whole, const Usage& each) : whole_(whole), each_(each) {}

  /// Why `owner` cannot have `more`; nothing when there is room. What is not
  /// asked for is never refused, however much of it is used.
  std::optional<Rejection> Refusal(const Owner& owner, const Usage& more) const;

  void Take(const Owner& owner, const Usage& more);
  void GiveBack(const Owner& owner, const Usage& less);

  Usage UsedBy(const Owner& owner) const;
  const Usage& used() const { return used_; }

 private:
  const Usage whole_;
  const Usage each_;
  Usage used_;
  absl::flat_hash_map<Owner, Usage> used_by_;  // only who uses anything
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_QUOTAS_H_
