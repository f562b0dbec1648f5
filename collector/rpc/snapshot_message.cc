#include "collector/rpc/snapshot_message.h"

#include <map>
#include <string>

#include "proxymeter/grpc_status.h"
#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

// Rows with what the message does not show left out of the key.
std::map<RowKey, Counters> Summed(const std::vector<RowValue>& rows) {
  std::map<RowKey, Counters> sums;
  for (const RowValue& row : rows) {
    RowKey key = row.key;
    if (key.kind != RowKind::kTraffic && key.kind != RowKind::kTlsSession) {
      key.visibility = Visibility::kNone;
    }
    if (key.kind != RowKind::kTraffic && key.kind != RowKind::kTunnel) {
      key.protocol = Protocol::kUnknown;
    }
    if (key.kind == RowKind::kCaller) key.code = 0;
    Counters& counters = sums[key];
    for (std::size_t i = 0; i < counters.size(); ++i) {
      counters[i] += row.counters[i];
    }
  }
  return sums;
}

void Fill(const RowKey& key, const Counters& counters,
          v1::TrafficTotal* total) {
  total->set_vendor(key.vendor);
  total->set_destination(key.destination);
  total->set_protocol(static_cast<v1::Protocol>(key.protocol));
  total->set_visibility(static_cast<v1::Visibility>(key.visibility));
  FillTraffic(counters, total->mutable_counters());
}

void Fill(const RowKey& key, const Counters& counters,
          v1::ProductTotal* total) {
  total->set_vendor(key.vendor);
  total->set_labels(key.destination);
  FillTraffic(counters, total->mutable_counters());
}

void Fill(const RowKey& key, const Counters& counters, v1::VendorTotal* total) {
  total->set_vendor(key.vendor);
  v1::VendorCounters* to = total->mutable_counters();
  to->set_connections_ok(counters[kConnectionsOk]);
  to->set_connections_refused(counters[kConnectionsRefused]);
  to->set_connections_timed_out(counters[kConnectionsTimedOut]);
  to->set_connections_failed(counters[kConnectionsFailed]);
  to->set_connections_abandoned(counters[kConnectionsAbandoned]);
  to->set_held_sent_bytes(counters[kHeldSentBytes]);
  to->set_held_received_bytes(counters[kHeldReceivedBytes]);
  to->set_released_sent_bytes(counters[kReleasedSentBytes]);
  to->set_released_received_bytes(counters[kReleasedReceivedBytes]);
  to->set_reconciled_sent_bytes(counters[kReconciledSentBytes]);
  to->set_reconciled_received_bytes(counters[kReconciledReceivedBytes]);
  to->set_retransmitted_bytes(counters[kRetransmittedBytes]);
  to->set_rtt_microseconds(counters[kRttMicroseconds]);
  to->set_rtt_samples(counters[kRttSamples]);
  to->set_connections_adopted(counters[kConnectionsAdopted]);
  to->set_connections_unsettled(counters[kConnectionsUnsettled]);
  to->set_handshake_sent_bytes(counters[kHandshakeSentBytes]);
  to->set_handshake_received_bytes(counters[kHandshakeReceivedBytes]);
}

void Fill(const RowKey& key, const Counters& counters, v1::TunnelTotal* total) {
  total->set_vendor(key.vendor);
  total->set_protocol(static_cast<v1::Protocol>(key.protocol));
  total->set_code(key.code);
  total->set_replies(counters[kTunnelReplies]);
}

void Fill(const RowKey& key, const Counters& counters, v1::CallerTotal* total) {
  total->set_vendor(key.vendor);
  total->set_caller(key.destination);
  v1::CallerCounters* to = total->mutable_counters();
  to->set_connections(counters[kCallerConnections]);
  to->set_not_sampled(counters[kCallerNotSampled]);
  to->set_not_safe(counters[kCallerNotSafe]);
}

void Fill(const Counters& counters, v1::PhaseCounters* to) {
  to->set_microseconds(counters[kPhaseMicroseconds]);
  for (std::size_t i = 0; i < kDurationBuckets; ++i) {
    to->add_buckets(counters[kPhaseBuckets + i]);
  }
}

void Fill(const RowKey& key, const Counters& counters, v1::PhaseTotal* total) {
  total->set_vendor(key.vendor);
  total->set_phase(std::string(Name(static_cast<Phase>(key.code))));
  Fill(counters, total->mutable_counters());
}

void Fill(const RowKey& key, const Counters& counters,
          v1::ProxyErrorTotal* total) {
  total->set_vendor(key.vendor);
  total->set_reason(std::string(Name(static_cast<ProxyError>(key.code))));
  total->set_errors(counters[kProxyErrors]);
}

void Fill(const RowKey& key, const Counters& counters,
          v1::TlsSessionTotal* total) {
  total->set_vendor(key.vendor);
  total->set_version(std::string(Name(VersionOf(key.code))));
  total->set_alpn(std::string(Name(AlpnOf(key.code))));
  total->set_visibility(static_cast<v1::Visibility>(key.visibility));
  total->set_sessions(counters[kTlsSessions]);
}

void Fill(const RowKey& key, const Counters& counters, v1::GrpcTotal* total) {
  total->set_vendor(key.vendor);
  total->set_status(std::string(GrpcStatusName(key.code)));
  total->set_responses(counters[kGrpcResponses]);
}

void Fill(const RowKey& key, const Counters& counters, v1::KernelTotal* total) {
  total->set_vendor(key.vendor);
  v1::KernelCounters* to = total->mutable_counters();
  to->set_sent_bytes(counters[kKernelSentBytes]);
  to->set_received_bytes(counters[kKernelReceivedBytes]);
  to->set_covered_sent_bytes(counters[kCoveredSentBytes]);
  to->set_covered_received_bytes(counters[kCoveredReceivedBytes]);
  to->set_retransmitted_bytes(counters[kKernelRetransmittedBytes]);
  to->set_connections_ok(counters[kKernelConnectionsOk]);
  to->set_connections_failed(counters[kKernelConnectionsFailed]);
  to->set_unsent_bytes(counters[kUnsentBytes]);
}

void Fill(const RowKey& key, const Counters& counters,
          v1::UnmeteredTotal* total) {
  total->set_vendor(key.vendor);
  total->set_reason(std::string(Name(static_cast<UnmeteredReason>(key.code))));
  v1::UnmeteredCounters* to = total->mutable_counters();
  to->set_sent_bytes(counters[kUnmeteredSentBytes]);
  to->set_received_bytes(counters[kUnmeteredReceivedBytes]);
  to->set_connections(counters[kUnmeteredConnections]);
}

void Fill(const RowKey& key, const Counters& counters,
          v1::RoundTripTotal* total) {
  total->set_vendor(key.vendor);
  Fill(counters, total->mutable_counters());
}

// Of kinds that the journal does not have.
void AddOwn(const RowKey& key, const Counters& counters,
            v1::SnapshotResponse* message) {
  if (key.kind == kProductRow) {
    Fill(key, counters, message->add_products());
  } else if (key.kind == kKernelRow) {
    Fill(key, counters, message->add_kernel());
  } else if (key.kind == kUnmeteredRow) {
    Fill(key, counters, message->add_unmetered());
  } else if (key.kind == kKernelRttRow) {
    Fill(key, counters, message->add_kernel_round_trips());
  }
}

}  // namespace

void FillTraffic(std::span<const std::uint64_t> counters,
                 v1::TrafficCounters* to) {
  to->set_sent_bytes(counters[kSentBytes]);
  to->set_received_bytes(counters[kReceivedBytes]);
  to->set_requests(counters[kRequests]);
  to->set_responses_1xx(counters[kResponses1xx]);
  to->set_responses_2xx(counters[kResponses2xx]);
  to->set_responses_3xx(counters[kResponses3xx]);
  to->set_responses_4xx(counters[kResponses4xx]);
  to->set_responses_5xx(counters[kResponses5xx]);
  to->set_responses_other(counters[kResponsesOther]);
}

v1::SnapshotResponse SnapshotMessage(const AccountsSnapshot& snapshot,
                                     const PodIdentity& pod,
                                     std::uint64_t unix_ns) {
  v1::SnapshotResponse message;
  message.set_unix_ns(unix_ns);
  message.set_since_unix_ns(snapshot.since_unix_ns);
  message.set_sessions(static_cast<std::uint32_t>(snapshot.open_sessions));
  message.set_pod_name(pod.name);
  message.set_pod_namespace(pod.name_space);
  std::vector<RowValue> rows = snapshot.rows;
  for (const FoldedVendor& folded : snapshot.folded) {
    rows.push_back({{.kind = RowKind::kTraffic,
                     .vendor = folded.vendor,
                     .destination = kFoldedDestination},
                    folded.counters});
  }
  for (const auto& [key, counters] : Summed(rows)) {
    switch (key.kind) {
      case RowKind::kTraffic:
        Fill(key, counters, message.add_traffic());
        break;
      case RowKind::kVendor:
        Fill(key, counters, message.add_vendors());
        break;
      case RowKind::kTunnel:
        Fill(key, counters, message.add_tunnels());
        break;
      case RowKind::kCaller:
        Fill(key, counters, message.add_callers());
        break;
      case RowKind::kPhase:
        Fill(key, counters, message.add_phases());
        break;
      case RowKind::kProxyError:
        Fill(key, counters, message.add_proxy_errors());
        break;
      case RowKind::kTlsSession:
        Fill(key, counters, message.add_tls_sessions());
        break;
      case RowKind::kGrpc:
        Fill(key, counters, message.add_grpc());
        break;
      default:
        AddOwn(key, counters, &message);
        break;
    }
  }
  return message;
}

}  // namespace proxymeter::collector
