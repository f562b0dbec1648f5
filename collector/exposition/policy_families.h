// What the collector says of the policy.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_POLICY_FAMILIES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_POLICY_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

namespace proxymeter::collector {

/// Which policy is in force, and how reloads went in this life of the
/// collector.
struct PolicyStanding {
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_unchanged = 0;
  std::uint64_t reloads_failed = 0;
  bool failing = false;  ///< what the configuration says is not in force
  std::uint64_t generation = 0;
  std::uint64_t checksum = 0;  ///< of the policy file
  double since_unix_seconds = 0;
  std::uint64_t vendors = 0;
  std::uint64_t rules = 0;
};

std::vector<prometheus::MetricFamily> PolicyFamilies(
    const PolicyStanding& standing);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_POLICY_FAMILIES_H_
