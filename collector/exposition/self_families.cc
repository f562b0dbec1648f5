#include "collector/exposition/self_families.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "collector/accounts/rejection.h"
#include "collector/exposition/family_builder.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily Count(std::string name, std::string help, std::uint64_t value) {
  return Single(MetricType::Counter, std::move(name), std::move(help),
                static_cast<double>(value));
}

using NamedShimCounter = std::pair<ShimCounter, const char*>;

MetricFamily ShimCounts(FamilyBuilder builder,
                        std::span<const NamedShimCounter> counters,
                        const std::vector<RowValue>& rows) {
  for (const auto& [counter, name] : counters) {
    builder.Add({name}, 0);
    for (const RowValue& row : rows) {
      if (row.key.kind != RowKind::kShim) continue;
      builder.Add({name}, row.counters[counter]);
    }
  }
  return builder.Build();
}

MetricFamily ShimEvents(const std::vector<RowValue>& rows) {
  constexpr NamedShimCounter kEvents[] = {
      {kConnectionsUntracked, "connections_untracked"},
      {kRowsOverflowed, "rows_overflowed"},
      {kJournalFailures, "journal_failures"},
      {kUplinkFailures, "uplink_failures"},
      {kPolicyRejected, "policy_rejected"},
      {kFramesSent, "frames_sent"},
      {kTlsUnpaired, "tls_unpaired"},
      {kKernelTls, "kernel_tls"},
      {kCredentialsUnread, "credentials_unread"},
      {kVendorHeaderUnknown, "vendor_header_unknown"},
      {kLabelsDropped, "labels_dropped"}};
  return ShimCounts(
      {MetricType::Counter,
       "proxymeter_shim_events_total",
       "What the shims in metered processes report of themselves.",
       {"event"}},
      kEvents, rows);
}

MetricFamily Desynchronised(const std::vector<RowValue>& rows) {
  constexpr NamedShimCounter kProtocols[] = {{kDesynchronisedHttp1, "http/1.1"},
                                             {kDesynchronisedHttp2, "http/2"},
                                             {kDesynchronisedSocks, "socks"},
                                             {kDesynchronisedTls, "tls"}};
  static_assert(kShimCounters == 15, "one of ShimEvents or Desynchronised");
  return ShimCounts(
      {MetricType::Counter,
       "proxymeter_desynchronised_total",
       "Connections in which a parser lost its place: their bytes are counted "
       "on, their requests no more.",
       {"protocol"}},
      kProtocols, rows);
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

MetricFamily Degraded(const CollectorHealth& health) {
  FamilyBuilder degraded(
      MetricType::Gauge, "proxymeter_degraded",
      "1 while a part cannot be written: the ledger, so that totals would not "
      "survive this collector but for what journals hold, or the policy, so "
      "that an older one is in force.",
      {"part"});
  degraded.Add({"ledger"}, health.ledger_degraded ? 1 : 0);
  degraded.Add({"policy"}, health.policy_degraded ? 1 : 0);
  return degraded.Build();
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
      Desynchronised(snapshot.rows),
      Rejections(snapshot),
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
  };
}

std::vector<MetricFamily> HealthFamilies(const AccountsSnapshot& snapshot,
                                         const CollectorHealth& health) {
  std::vector<MetricFamily> families = {
      Single(MetricType::Gauge, "proxymeter_sessions",
             "Metered processes, forks counted with their parent, open now.",
             static_cast<double>(snapshot.open_sessions)),
      Degraded(health),
      Count("proxymeter_ledger_commits_total",
            "Transactions that wrote the accounts down, since this collector "
            "started.",
            health.ledger_commits),
      Count("proxymeter_ledger_failures_total",
            "Attempts to open or write the ledger that failed and were made "
            "again later.",
            health.ledger_failures),
      Count("proxymeter_ledger_set_aside_total",
            "Ledgers that were damaged or of another layout, and were moved "
            "away.",
            health.ledgers_set_aside),
      Count("proxymeter_policy_failures_total",
            "Attempts to write the policy that failed and were made again "
            "later.",
            health.policy_failures),
  };
  if (snapshot.known) {
    families.push_back(Single(
        MetricType::Gauge, "proxymeter_start_time_seconds",
        "When the totals began to count, in seconds since the Unix epoch.",
        static_cast<double>(snapshot.since_unix_ns) / 1e9));
  }
  return families;
}

std::vector<MetricFamily> ProcessFamilies() {
  return {
      BuildInfo(),
      Single(MetricType::Gauge, "process_resident_memory_bytes",
             "Resident memory of the collector.", ResidentBytes()),
      Single(MetricType::Counter, "process_cpu_seconds_total",
             "User and system CPU time of the collector.", CpuSeconds()),
  };
}

}  // namespace proxymeter::collector
