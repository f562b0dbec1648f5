// What the collector says of itself and of the shims.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

#include "collector/accounts/sessions.h"

namespace proxymeter::collector {

/// What works and what does not, in this life of the collector.
struct CollectorHealth {
  std::uint64_t ledger_commits = 0;
  std::uint64_t ledger_failures = 0;
  std::uint64_t ledgers_set_aside = 0;
  std::uint64_t policy_failures = 0;
  bool ledger_degraded = false;
  bool policy_degraded = false;
};

/// Sessions ever, frames, journals, rejections, and the shims' own events.
std::vector<prometheus::MetricFamily> SelfFamilies(
    const AccountsSnapshot& snapshot);

/// The open sessions, how writing goes, and, if the accounts are known, when
/// they began.
std::vector<prometheus::MetricFamily> HealthFamilies(
    const AccountsSnapshot& snapshot, const CollectorHealth& health);

/// Build, memory and CPU time of this process.
std::vector<prometheus::MetricFamily> ProcessFamilies();

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_SELF_FAMILIES_H_
