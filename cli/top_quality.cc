#include "cli/top_quality.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

#include "proxymeter/journal.h"

namespace proxymeter::cli {
namespace {

std::uint64_t Count(const v1::PhaseCounters& counters) {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : counters.buckets()) count += bucket;
  return count;
}

std::string NameOf(v1::Visibility visibility) {
  if (visibility < 0 || visibility > kLastVisibility) return "unknown";
  return std::string(Name(static_cast<Visibility>(visibility)));
}

auto Key(const PhaseRow& row) {
  // In the order in which they come.
  std::uint8_t phase = 0;
  while (phase <= kLastPhase && Name(static_cast<Phase>(phase)) != row.phase) {
    ++phase;
  }
  return std::tuple(row.vendor, phase, row.phase);
}
auto Key(const ErrorRow& row) { return std::tie(row.vendor, row.reason); }
auto Key(const TlsRow& row) {
  return std::tie(row.vendor, row.version, row.alpn, row.visibility);
}
auto Key(const GrpcRow& row) { return std::tie(row.vendor, row.status); }

template <typename Row>
void Sort(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return Key(a) < Key(b); });
}

}  // namespace

std::optional<double> Quantile(const v1::PhaseCounters& counters, double q) {
  const std::uint64_t count = Count(counters);
  if (count == 0) return std::nullopt;
  const double wanted = q * static_cast<double>(count);
  double before = 0;
  double begin = 0;
  const auto bounds =
      std::min<std::size_t>(std::size(kDurationBounds),
                            static_cast<std::size_t>(counters.buckets_size()));
  for (std::size_t i = 0; i < bounds; ++i) {
    const auto here =
        static_cast<double>(counters.buckets(static_cast<int>(i)));
    const double end = kDurationBounds[i] / 1e6;
    if (here > 0 && before + here >= wanted) {
      return begin + (end - begin) * std::max(wanted - before, 0.0) / here;
    }
    before += here;
    begin = end;
  }
  return std::numeric_limits<double>::infinity();
}

Quality MakeQuality(const v1::SnapshotResponse& now) {
  Quality quality;
  for (const v1::PhaseTotal& total : now.phases()) {
    const v1::PhaseCounters& counters = total.counters();
    const std::uint64_t count = Count(counters);
    if (count == 0) continue;
    quality.phases.push_back(
        {.vendor = total.vendor(),
         .phase = total.phase(),
         .count = count,
         .seconds = static_cast<double>(counters.microseconds()) / 1e6,
         .p50 = Quantile(counters, 0.5),
         .p95 = Quantile(counters, 0.95),
         .p99 = Quantile(counters, 0.99)});
  }
  for (const v1::ProxyErrorTotal& total : now.proxy_errors()) {
    if (total.errors() == 0) continue;
    quality.errors.push_back({total.vendor(), total.reason(), total.errors()});
  }
  for (const v1::TlsSessionTotal& total : now.tls_sessions()) {
    if (total.sessions() == 0) continue;
    quality.tls.push_back({total.vendor(), total.version(), total.alpn(),
                           NameOf(total.visibility()), total.sessions()});
  }
  for (const v1::GrpcTotal& total : now.grpc()) {
    if (total.responses() == 0) continue;
    quality.grpc.push_back({total.vendor(), total.status(), total.responses()});
  }
  Sort(quality.phases);
  Sort(quality.errors);
  Sort(quality.tls);
  Sort(quality.grpc);
  return quality;
}

bool VendorQuality::empty() const {
  return connect == nullptr && tunnel == nullptr && tls_handshake == nullptr &&
         first_byte == nullptr && request == nullptr && errors == 0 &&
         tls_sessions == 0 && grpc == 0;
}

VendorQuality Of(const Quality& quality, const std::string& vendor) {
  VendorQuality of;
  const auto phase = [&](Phase wanted) -> const PhaseRow* {
    for (const PhaseRow& row : quality.phases) {
      if (row.vendor == vendor && row.phase == Name(wanted)) return &row;
    }
    return nullptr;
  };
  of.connect = phase(Phase::kConnect);
  of.tunnel = phase(Phase::kTunnel);
  of.tls_handshake = phase(Phase::kTlsHandshake);
  of.first_byte = phase(Phase::kFirstByte);
  of.request = phase(Phase::kRequest);
  for (const ErrorRow& row : quality.errors) {
    if (row.vendor != vendor) continue;
    of.errors += row.errors;
    if (of.most == nullptr || row.errors > of.most->errors) of.most = &row;
  }
  for (const TlsRow& row : quality.tls) {
    if (row.vendor != vendor) continue;
    of.tls_sessions += row.sessions;
    if (row.visibility != Name(Visibility::kPlaintext)) {
      of.tls_unread += row.sessions;
    }
  }
  for (const GrpcRow& row : quality.grpc) {
    if (row.vendor != vendor) continue;
    of.grpc += row.responses;
    if (row.status != "OK") of.grpc_not_ok += row.responses;
  }
  return of;
}

}  // namespace proxymeter::cli
