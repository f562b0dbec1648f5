// The accounts as a SnapshotResponse.
#ifndef PROXYMETER_COLLECTOR_RPC_SNAPSHOT_MESSAGE_H_
#define PROXYMETER_COLLECTOR_RPC_SNAPSHOT_MESSAGE_H_

#include <cstdint>
#include <span>

#include "collector/accounts/sessions.h"
#include "collector/pod_identity.h"
#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::collector {

/// `unix_ns` as collector.proto says. Totals stand in the
/// order of their keys; vendors and tunnels are summed over whatever else
/// their rows tell apart.
v1::SnapshotResponse SnapshotMessage(const AccountsSnapshot& snapshot,
                                     const PodIdentity& pod,
                                     std::uint64_t unix_ns);

/// `counters` by TrafficCounter; what follows them is not looked at.
void FillTraffic(std::span<const std::uint64_t> counters,
                 v1::TrafficCounters* to);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_SNAPSHOT_MESSAGE_H_
