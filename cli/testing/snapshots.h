// Snapshots with little writing.
#ifndef PROXYMETER_CLI_TESTING_SNAPSHOTS_H_
#define PROXYMETER_CLI_TESTING_SNAPSHOTS_H_

#include <cstdint>
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

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_SNAPSHOTS_H_
