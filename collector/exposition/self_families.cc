#include "collector/exposition/self_families.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "collector/accounts/rejection.h"
#include "collector/exposition/family_builder.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily Single(MetricType type, std::string name, std::string help,
                    double value) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.counter.value = value;
  metric.gauge.value = value;
  return family;
}

MetricFamily Count(std::string name, std::string help, std::uint64_t value) {
  return Single(MetricType::Counter, std::move(name), std::move(help),
                static_cast<double>(value));
}

MetricFamily ShimEvents(const std::vector<RowValue>& rows) {
  constexpr const char* kNames[] = {
      "desynchronised",   "connections_untracked", "rows_overflowed",
      "journal_failures", "uplink_failures",       "policy_rejected",
      "frames_sent",      "tls_unpaired",          "kernel_tls"};
  static_assert(std::size(kNames) == kShimCounters);
  FamilyBuilder events(
      MetricType::Counter, "proxymeter_shim_events_total",
      "What the shims in metered processes report of themselves.", {"event"});
  for (std::size_t i = 0; i < kShimCounters; ++i) {
    events.Add({kNames[i]}, 0);
    for (const RowValue& row : rows) {
      if (row.key.kind == RowKind::kShim) {
        events.Add({kNames[i]}, row.counters[i]);
      }
    }
  }
  return events.Build();
}

MetricFamily Rejections(const AccountsSnapshot& snapshot) {
  FamilyBuilder rejected(
      MetricType::Counter, "proxymeter_rejected_total",
      "Frames, rows, journals and connections that were not taken, by reason.",
      {"reason"});
  for (std::size_t i = 0; i < kRejections; ++i) {
    rejected.Add({std::string(Name(static_cast<Rejection>(i)))},
                 snapshot.workload.rejected[i]);
  }
  return rejected.Build();
}

MetricFamily BuildInfo() {
  FamilyBuilder info(MetricType::Gauge, "proxymeter_build_info",
                     "Always 1; the labels say what is running.",
                     {"version", "compiler"});
  info.Add({PROXYMETER_VERSION, __VERSION__}, 1);
  return info.Build();
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

std::vector<MetricFamily> SelfFamilies(const AccountsSnapshot& snapshot) {
  return {
      ShimEvents(snapshot.rows),
      Rejections(snapshot),
      Single(MetricType::Gauge, "proxymeter_sessions",
             "Metered processes, forks counted with their parent, open now.",
             static_cast<double>(snapshot.open_sessions)),
      Count("proxymeter_sessions_total", "Sessions ever opened.",
            snapshot.workload.sessions),
      Count("proxymeter_frames_total", "Frames taken.",
            snapshot.workload.frames),
      Count("proxymeter_journals_read_total", "Readings of journals.",
            snapshot.workload.journals_read),
      Count("proxymeter_rows_overflowed_total",
            "Additions counted under _other because the collector's table of "
            "series is full, or the vendor has as many destinations as it may.",
            snapshot.workload.overflowed),
      Count("proxymeter_ledger_commits_total",
            "Transactions that wrote the accounts down, since this collector "
            "started.",
            snapshot.ledger_commits),
      Count("proxymeter_ledger_failures_total",
            "Transactions that failed and were tried again later.",
            snapshot.ledger_failures),
  };
}

std::vector<MetricFamily> ProcessFamilies(double start_seconds) {
  return {
      BuildInfo(),
      Single(MetricType::Gauge, "proxymeter_start_time_seconds",
             "When the totals began to count, in seconds since the Unix epoch.",
             start_seconds),
      Single(MetricType::Gauge, "process_resident_memory_bytes",
             "Resident memory of the collector.", ResidentBytes()),
      Single(MetricType::Counter, "process_cpu_seconds_total",
             "User and system CPU time of the collector.", CpuSeconds()),
  };
}

}  // namespace proxymeter::collector
