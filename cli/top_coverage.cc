#include "cli/top_coverage.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "absl/strings/str_format.h"
#include "cli/top_quality.h"

namespace proxymeter::cli {
namespace {

void AddRoundTrips(const v1::PhaseCounters& counters, KernelRow& row) {
  for (const std::uint64_t bucket : counters.buckets()) row.rtt_count += bucket;
  row.rtt_seconds = static_cast<double>(counters.microseconds()) / 1e6;
  row.rtt_p50 = Quantile(counters, 0.5);
  row.rtt_p95 = Quantile(counters, 0.95);
  row.rtt_p99 = Quantile(counters, 0.99);
}

}  // namespace

Coverage& Coverage::operator+=(const Coverage& other) {
  covered += other.covered;
  witnessed += other.witnessed;
  return *this;
}

std::optional<double> Coverage::ratio() const {
  if (witnessed == 0) return std::nullopt;
  if (covered >= witnessed) return 1;
  // Of very many bytes a few that are missing would be rounded away.
  return std::min(static_cast<double>(covered) / static_cast<double>(witnessed),
                  std::nextafter(1.0, 0.0));
}

std::string Coverage::Percent() const {
  if (witnessed == 0) return "-";
  if (covered >= witnessed) return "100%";
  // Multiplied first: what is a whole number then stays one.
  const double per_mille = std::floor(static_cast<double>(covered) * 1000 /
                                      static_cast<double>(witnessed));
  return absl::StrFormat("%.1f%%", std::min(per_mille, 999.0) / 10);
}

Witnessed MakeWitnessed(const v1::SnapshotResponse& now) {
  std::map<std::string, KernelRow> kernel;
  for (const v1::KernelTotal& total : now.kernel()) {
    const v1::KernelCounters& counters = total.counters();
    kernel[total.vendor()] = {
        .vendor = total.vendor(),
        .sent_bytes = counters.sent_bytes(),
        .received_bytes = counters.received_bytes(),
        .covered_sent_bytes = counters.covered_sent_bytes(),
        .covered_received_bytes = counters.covered_received_bytes(),
        .retransmitted_bytes = counters.retransmitted_bytes(),
        .unsent_bytes = counters.unsent_bytes(),
        .connections_ok = counters.connections_ok(),
        .connections_failed = counters.connections_failed()};
  }
  for (const v1::RoundTripTotal& total : now.kernel_round_trips()) {
    KernelRow& row = kernel[total.vendor()];
    row.vendor = total.vendor();
    AddRoundTrips(total.counters(), row);
  }
  Witnessed witnessed;
  for (auto& [vendor, row] : kernel) {
    witnessed.kernel.push_back(std::move(row));
  }
  for (const v1::UnmeteredTotal& total : now.unmetered()) {
    const v1::UnmeteredCounters& counters = total.counters();
    if (counters.sent_bytes() == 0 && counters.received_bytes() == 0 &&
        counters.connections() == 0) {
      continue;
    }
    witnessed.unmetered.push_back(
        {total.vendor(), total.reason(), counters.sent_bytes(),
         counters.received_bytes(), counters.connections()});
  }
  std::sort(witnessed.unmetered.begin(), witnessed.unmetered.end(),
            [](const UnmeteredRow& a, const UnmeteredRow& b) {
              const auto bytes = [](const UnmeteredRow& row) {
                return row.sent_bytes + row.received_bytes;
              };
              return std::tuple(a.vendor, bytes(b), a.reason) <
                     std::tuple(b.vendor, bytes(a), b.reason);
            });
  return witnessed;
}

}  // namespace proxymeter::cli
