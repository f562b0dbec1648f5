// Snapshots with little writing.
#ifndef PROXYMETER_CLI_TESTING_SNAPSHOTS_H_
#define PROXYMETER_CLI_TESTING_SNAPSHOTS_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::cli {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
/// 2024-01-01T00:00:00Z, since when the snapshots count.
inline constexpr std::uint64_t kSince = 1704067200 * kSecond;

inline v1::SnapshotResponse SnapshotAt(double seconds) {
  v1::SnapshotResponse snapshot;
  snapshot.set_since_unix_ns(kSince);
  snapshot.set_unix_ns(kSince + static_cast<std::uint64_t>(seconds * 1e9));
  snapshot.set_sessions(2);
  return snapshot;
}

inline v1::TrafficCounters* AddTraffic(v1::SnapshotResponse& snapshot,
                                       const std::string& vendor,
                                       const std::string& destination,
                                       std::uint64_t requests,
                                       std::uint64_t sent,
                                       std::uint64_t received) {
  v1::TrafficTotal* row = snapshot.add_traffic();
  row->set_vendor(vendor);
  row->set_destination(destination);
  row->set_protocol(v1::PROTOCOL_HTTPS1);
  row->set_visibility(v1::VISIBILITY_PLAINTEXT);
  row->mutable_counters()->set_requests(requests);
  row->mutable_counters()->set_responses_2xx(requests);
  row->mutable_counters()->set_sent_bytes(sent);
  row->mutable_counters()->set_received_bytes(received);
  return row->mutable_counters();
}

/// `buckets` as in PhaseCounters.
inline v1::PhaseCounters* AddPhase(
    v1::SnapshotResponse& snapshot, const std::string& vendor,
    const std::string& phase, std::initializer_list<std::uint64_t> buckets) {
  v1::PhaseTotal* row = snapshot.add_phases();
  row->set_vendor(vendor);
  row->set_phase(phase);
  for (const std::uint64_t bucket : buckets) {
    row->mutable_counters()->add_buckets(bucket);
  }
  return row->mutable_counters();
}

inline void AddError(v1::SnapshotResponse& snapshot, const std::string& vendor,
                     const std::string& reason, std::uint64_t errors) {
  v1::ProxyErrorTotal* row = snapshot.add_proxy_errors();
  row->set_vendor(vendor);
  row->set_reason(reason);
  row->set_errors(errors);
}

inline void AddTls(v1::SnapshotResponse& snapshot, const std::string& vendor,
                   const std::string& version, const std::string& alpn,
                   v1::Visibility visibility, std::uint64_t sessions) {
  v1::TlsSessionTotal* row = snapshot.add_tls_sessions();
  row->set_vendor(vendor);
  row->set_version(version);
  row->set_alpn(alpn);
  row->set_visibility(visibility);
  row->set_sessions(sessions);
}

inline void AddGrpc(v1::SnapshotResponse& snapshot, const std::string& vendor,
                    const std::string& status, std::uint64_t responses) {
  v1::GrpcTotal* row = snapshot.add_grpc();
  row->set_vendor(vendor);
  row->set_status(status);
  row->set_responses(responses);
}

/// All that the kernel witnessed of a vendor, and the part that was reported.
inline v1::KernelCounters* AddKernel(v1::SnapshotResponse& snapshot,
                                     const std::string& vendor,
                                     std::uint64_t sent, std::uint64_t received,
                                     std::uint64_t covered_sent,
                                     std::uint64_t covered_received) {
  v1::KernelTotal* row = snapshot.add_kernel();
  row->set_vendor(vendor);
  v1::KernelCounters* counters = row->mutable_counters();
  counters->set_sent_bytes(sent);
  counters->set_received_bytes(received);
  counters->set_covered_sent_bytes(covered_sent);
  counters->set_covered_received_bytes(covered_received);
  return counters;
}

inline void AddUnmetered(v1::SnapshotResponse& snapshot,
                         const std::string& vendor, const std::string& reason,
                         std::uint64_t sent, std::uint64_t received,
                         std::uint64_t connections) {
  v1::UnmeteredTotal* row = snapshot.add_unmetered();
  row->set_vendor(vendor);
  row->set_reason(reason);
  row->mutable_counters()->set_sent_bytes(sent);
  row->mutable_counters()->set_received_bytes(received);
  row->mutable_counters()->set_connections(connections);
}

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_SNAPSHOTS_H_
