#include "collector/accounts/frame_codec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace proxymeter::collector {
namespace {

Counters CountersOf(const v1::TrafficCounters& message) {
  Counters counters{};
  counters[kSentBytes] = message.sent_bytes();
  counters[kReceivedBytes] = message.received_bytes();
  counters[kRequests] = message.requests();
  counters[kResponses1xx] = message.responses_1xx();
  counters[kResponses2xx] = message.responses_2xx();
  counters[kResponses3xx] = message.responses_3xx();
  counters[kResponses4xx] = message.responses_4xx();
  counters[kResponses5xx] = message.responses_5xx();
  counters[kResponsesOther] = message.responses_other();
  return counters;
}

Counters CountersOf(const v1::VendorCounters& message) {
  Counters counters{};
  counters[kConnectionsOk] = message.connections_ok();
  counters[kConnectionsRefused] = message.connections_refused();
  counters[kConnectionsTimedOut] = message.connections_timed_out();
  counters[kConnectionsFailed] = message.connections_failed();
  counters[kConnectionsAbandoned] = message.connections_abandoned();
  counters[kHeldSentBytes] = message.held_sent_bytes();
  counters[kHeldReceivedBytes] = message.held_received_bytes();
  counters[kReleasedSentBytes] = message.released_sent_bytes();
  counters[kReleasedReceivedBytes] = message.released_received_bytes();
  counters[kReconciledSentBytes] = message.reconciled_sent_bytes();
  counters[kReconciledReceivedBytes] = message.reconciled_received_bytes();
  counters[kRetransmittedBytes] = message.retransmitted_bytes();
  counters[kRttMicroseconds] = message.rtt_microseconds();
  counters[kRttSamples] = message.rtt_samples();
  counters[kConnectionsAdopted] = message.connections_adopted();
  return counters;
}

Counters CountersOf(const v1::TunnelCounters& message) {
  Counters counters{};
  counters[kTunnelReplies] = message.replies();
  return counters;
}

Counters CountersOf(const v1::ShimCounters& message) {
  Counters counters{};
  counters[kDesynchronisedHttp1] = message.desynchronised_http1();
  counters[kConnectionsUntracked] = message.connections_untracked();
  counters[kRowsOverflowed] = message.rows_overflowed();
  counters[kJournalFailures] = message.journal_failures();
  counters[kUplinkFailures] = message.uplink_failures();
  counters[kPolicyRejected] = message.policy_rejected();
  counters[kFramesSent] = message.frames_sent();
  counters[kTlsUnpaired] = message.tls_unpaired();
  counters[kKernelTls] = message.kernel_tls();
  counters[kDesynchronisedSocks] = message.desynchronised_socks();
  counters[kDesynchronisedHttp2] = message.desynchronised_http2();
  return counters;
}

Counters CountersOf(const v1::CallerCounters& message) {
  Counters counters{};
  counters[kCallerConnections] = message.connections();
  counters[kCallerNotSampled] = message.not_sampled();
  counters[kCallerNotSafe] = message.not_safe();
  return counters;
}

std::optional<Counters> CountersOf(const v1::PhaseCounters& message) {
  if (message.buckets_size() > static_cast<int>(kDurationBuckets)) {
    return std::nullopt;
  }
  Counters counters{};
  counters[kPhaseMicroseconds] = message.microseconds();
  std::ranges::copy(message.buckets(), counters.begin() + kPhaseBuckets);
  return counters;
}

Counters CountersOf(const v1::ProxyErrorCounters& message) {
  Counters counters{};
  counters[kProxyErrors] = message.errors();
  return counters;
}

// Exactly the counters of the row's kind may be present.
std::optional<Counters> CountersOfKind(const v1::Row& row) {
  const int present = row.has_traffic() + row.has_vendor_counters() +
                      row.has_tunnel() + row.has_shim() + row.has_caller() +
                      row.has_phase() + row.has_proxy_error();
  if (present > 1) return std::nullopt;
  switch (row.kind()) {
    case v1::ROW_KIND_TRAFFIC:
      if (row.has_traffic()) return CountersOf(row.traffic());
      break;
    case v1::ROW_KIND_VENDOR:
      if (row.has_vendor_counters()) return CountersOf(row.vendor_counters());
      break;
    case v1::ROW_KIND_TUNNEL:
      if (row.has_tunnel()) return CountersOf(row.tunnel());
      break;
    case v1::ROW_KIND_SHIM:
      if (row.has_shim()) return CountersOf(row.shim());
      break;
    case v1::ROW_KIND_CALLER:
      if (row.has_caller()) return CountersOf(row.caller());
      break;
    case v1::ROW_KIND_PHASE:
      if (row.has_phase()) return CountersOf(row.phase());
      break;
    case v1::ROW_KIND_PROXY_ERROR:
      if (row.has_proxy_error()) return CountersOf(row.proxy_error());
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::optional<IndexedRow> DecodeRow(const v1::Row& message) {
  if (message.index() >= kMaxJournalRows) return std::nullopt;
  // Proto3 enums are open: the number may be any int.
  if (message.protocol() < 0 || message.protocol() > kLastProtocol ||
      message.visibility() < 0 || message.visibility() > kLastVisibility ||
      message.code() > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  std::optional<Counters> counters = CountersOfKind(message);
  if (!counters) return std::nullopt;
  IndexedRow row;
  row.index = message.index();
  row.row.key.kind = static_cast<RowKind>(message.kind());
  row.row.key.vendor = message.vendor();
  row.row.key.destination = message.destination();
  row.row.key.protocol = static_cast<Protocol>(message.protocol());
  row.row.key.visibility = static_cast<Visibility>(message.visibility());
  row.row.key.code = static_cast<std::uint16_t>(message.code());
  row.row.counters = *counters;
  if (!IsValidRow(row.row)) return std::nullopt;
  return row;
}

bool HasRepeatedIndex(const std::vector<IndexedRow>& rows) {
  std::vector<std::uint32_t> indexes;
  indexes.reserve(rows.size());
  for (const IndexedRow& row : rows) indexes.push_back(row.index);
  std::ranges::sort(indexes);
  return std::ranges::adjacent_find(indexes) != indexes.end();
}

}  // namespace

std::string PrintableCommand(std::string_view text) {
  std::string command(text.substr(0, 16));
  for (char& c : command) {
    if (c < ' ' || c > '~') c = '?';
  }
  return command;
}

std::variant<DecodedFrame, Rejection> DecodeFrame(const v1::Frame& frame) {
  if (frame.version() != kFrameVersion) return Rejection::kBadVersion;
  if (frame.session().size() != kSessionIdBytes) return Rejection::kBadSession;
  DecodedFrame decoded;
  std::ranges::copy(frame.session(), decoded.session.begin());
  decoded.process.pid = frame.process().pid();
  decoded.process.command = PrintableCommand(frame.process().command());
  decoded.process.started_unix_ns = frame.process().started_unix_ns();
  decoded.process.has_journal = frame.process().has_journal();
  if (frame.rows_size() > static_cast<int>(kMaxJournalRows)) {
    return Rejection::kBadRow;
  }
  decoded.rows.reserve(frame.rows_size());
  for (const v1::Row& message : frame.rows()) {
    std::optional<IndexedRow> row = DecodeRow(message);
    if (row) {
      decoded.rows.push_back(*std::move(row));
    } else {
      decoded.bad_rows.push_back(message.index());
    }
  }
  if (HasRepeatedIndex(decoded.rows)) return Rejection::kBadRow;
  return decoded;
}

std::variant<DecodedFrame, Rejection> DecodeFrame(std::string_view bytes) {
  if (bytes.size() > kMaxFrameBytes) return Rejection::kOversizedFrame;
  v1::Frame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Rejection::kMalformedFrame;
  }
  return DecodeFrame(frame);
}

}  // namespace proxymeter::collector
