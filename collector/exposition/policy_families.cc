#include "collector/exposition/policy_families.h"

#include "absl/strings/str_cat.h"
#include "collector/exposition/family_builder.h"

namespace proxymeter::collector {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily Reloads(const PolicyStanding& standing) {
  FamilyBuilder reloads(
      MetricType::Counter, "proxymeter_policy_reloads_total",
      "Times the configuration was read anew since this collector started: "
      "another policy came into force, the one in force stays as nothing has "
      "changed, or it stays as the new one cannot be taken.",
      {"result"});
  reloads.Add({"ok"}, standing.reloads_ok);
  reloads.Add({"unchanged"}, standing.reloads_unchanged);
  reloads.Add({"failed"}, standing.reloads_failed);
  return reloads.Build();
}

MetricFamily Info(const PolicyStanding& standing) {
  FamilyBuilder info(MetricType::Gauge, "proxymeter_policy_info",
                     "Always 1; the label is the checksum of the policy in "
                     "force, the same wherever the policy is.",
                     {"checksum"});
  info.Add({absl::StrCat(absl::Hex(standing.checksum, absl::kZeroPad16))}, 1);
  return info.Build();
}

MetricFamily Gauge(const char* name, const char* help, double value) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = MetricType::Gauge;
  family.metric.emplace_back().gauge.value = value;
  return family;
}

}  // namespace

std::vector<MetricFamily> PolicyFamilies(const PolicyStanding& standing) {
  return {
      Reloads(standing),
      Info(standing),
      Gauge("proxymeter_policy_failed",
            "1 while what the configuration says is not in force, as it cannot "
            "be read, is wrong, or cannot be written.",
            standing.failing ? 1 : 0),
      Gauge("proxymeter_policy_generation",
            "Which configuration of this collector's life is in force: 1 is "
            "the one it started with.",
            static_cast<double>(standing.generation)),
      Gauge("proxymeter_policy_in_force_timestamp_seconds",
            "Since when it is in force, in seconds since the Unix epoch.",
            standing.since_unix_seconds),
      Gauge("proxymeter_policy_vendors", "Vendors in force.",
            static_cast<double>(standing.vendors)),
      Gauge("proxymeter_policy_rules", "Rules in force.",
            static_cast<double>(standing.rules)),
  };
}

}  // namespace proxymeter::collector
