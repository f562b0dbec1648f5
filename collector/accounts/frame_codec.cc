#include "collector/accounts/frame_codec.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace proxymeter::collector {
namespace {

// Most frames have few rows.
constexpr std::size_t kArenaBytes = 16384;

void Take(const v1::TrafficCounters& message, Counters& counters) {
  counters[kSentBytes] = message.sent_bytes();
  counters[kReceivedBytes] = message.received_bytes();
  counters[kRequests] = message.requests();
  counters[kResponses1xx] = message.responses_1xx();
  counters[kResponses2xx] = message.responses_2xx();
  counters[kResponses3xx] = message.responses_3xx();
  counters[kResponses4xx] = message.responses_4xx();
  counters[kResponses5xx] = message.responses_5xx();
  counters[kResponsesOther] = message.responses_other();
}

void Take(const v1::VendorCounters& message, Counters& counters) {
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
  counters[kConnectionsUnsettled] = message.connections_unsettled();
  counters[kHandshakeSentBytes] = message.handshake_sent_bytes();
  counters[kHandshakeReceivedBytes] = message.handshake_received_bytes();
}

void Take(const v1::TunnelCounters& message, Counters& counters) {
  counters[kTunnelReplies] = message.replies();
}

void Take(const v1::ShimCounters& message, Counters& counters) {
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
  counters[kDesynchronisedTls] = message.desynchronised_tls();
  counters[kCredentialsUnread] = message.credentials_unread();
  counters[kVendorHeaderUnknown] = message.vendor_header_unknown();
  counters[kLabelsDropped] = message.labels_dropped();
}

void Take(const v1::CallerCounters& message, Counters& counters) {
  counters[kCallerConnections] = message.connections();
  counters[kCallerNotSampled] = message.not_sampled();
  counters[kCallerNotSafe] = message.not_safe();
}

bool Take(const v1::PhaseCounters& message, Counters& counters) {
  if (message.buckets_size() > static_cast<int>(kDurationBuckets)) return false;
  counters[kPhaseMicroseconds] = message.microseconds();
  std::ranges::copy(message.buckets(), counters.begin() + kPhaseBuckets);
  return true;
}

void Take(const v1::ProxyErrorCounters& message, Counters& counters) {
  counters[kProxyErrors] = message.errors();
}

void Take(const v1::TlsSessionCounters& message, Counters& counters) {
  counters[kTlsSessions] = message.sessions();
}

void Take(const v1::GrpcCounters& message, Counters& counters) {
  counters[kGrpcResponses] = message.responses();
}

// Exactly the counters of the row's kind may be present.
bool TakeCountersOfKind(const v1::Row& row, Counters& counters) {
  const int present = row.has_traffic() + row.has_vendor_counters() +
                      row.has_tunnel() + row.has_shim() + row.has_caller() +
                      row.has_phase() + row.has_proxy_error() +
                      row.has_tls_session() + row.has_grpc();
  if (present > 1) return false;
  switch (row.kind()) {
    case v1::ROW_KIND_TRAFFIC:
      if (!row.has_traffic()) return false;
      Take(row.traffic(), counters);
      return true;
    case v1::ROW_KIND_VENDOR:
      if (!row.has_vendor_counters()) return false;
      Take(row.vendor_counters(), counters);
      return true;
    case v1::ROW_KIND_TUNNEL:
      if (!row.has_tunnel()) return false;
      Take(row.tunnel(), counters);
      return true;
    case v1::ROW_KIND_SHIM:
      if (!row.has_shim()) return false;
      Take(row.shim(), counters);
      return true;
    case v1::ROW_KIND_CALLER:
      if (!row.has_caller()) return false;
      Take(row.caller(), counters);
      return true;
    case v1::ROW_KIND_PHASE:
      return row.has_phase() && Take(row.phase(), counters);
    case v1::ROW_KIND_PROXY_ERROR:
      if (!row.has_proxy_error()) return false;
      Take(row.proxy_error(), counters);
      return true;
    case v1::ROW_KIND_TLS_SESSION:
      if (!row.has_tls_session()) return false;
      Take(row.tls_session(), counters);
      return true;
    case v1::ROW_KIND_GRPC:
      if (!row.has_grpc()) return false;
      Take(row.grpc(), counters);
      return true;
    default:
      return false;
  }
}

bool DecodeRow(v1::Row& message, IndexedRow& row) {
  if (message.index() >= kMaxJournalRows) return false;
  // Proto3 enums are open: the number may be any int.
  if (message.protocol() < 0 || message.protocol() > kLastProtocol ||
      message.visibility() < 0 || message.visibility() > kLastVisibility ||
      message.code() > std::numeric_limits<std::uint16_t>::max()) {
    return false;
  }
  if (!TakeCountersOfKind(message, row.row.counters)) return false;
  row.index = message.index();
  RowKey& key = row.row.key;
  key.kind = static_cast<RowKind>(message.kind());
  key.vendor = std::move(*message.mutable_vendor());
  key.destination = std::move(*message.mutable_destination());
  key.labels = std::move(*message.mutable_labels());
  key.protocol = static_cast<Protocol>(message.protocol());
  key.visibility = static_cast<Visibility>(message.visibility());
  key.code = static_cast<std::uint16_t>(message.code());
  return IsValidRow(row.row);
}

bool HasRepeatedIndex(const std::vector<IndexedRow>& rows) {
  const auto is_not_below = [](const IndexedRow& a, const IndexedRow& b) {
    return a.index >= b.index;
  };
  // As shims send them.
  if (std::ranges::adjacent_find(rows, is_not_below) == rows.end()) {
    return false;
  }
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

std::variant<DecodedFrame, Rejection> DecodeFrame(v1::Frame& frame) {
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
  for (v1::Row& message : *frame.mutable_rows()) {
    if (!DecodeRow(message, decoded.rows.emplace_back())) {
      decoded.rows.pop_back();
      decoded.bad_rows.push_back(message.index());
    }
  }
  if (HasRepeatedIndex(decoded.rows)) return Rejection::kBadRow;
  return decoded;
}

std::variant<DecodedFrame, Rejection> DecodeFrame(std::string_view bytes) {
  if (bytes.size() > kMaxFrameBytes) return Rejection::kOversizedFrame;
  // Frees the message, with an object or two per row, at one go.
  alignas(std::max_align_t) char first_block[kArenaBytes];
  google::protobuf::Arena arena(first_block, sizeof first_block);
  auto* frame = google::protobuf::Arena::CreateMessage<v1::Frame>(&arena);
  if (!frame->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Rejection::kMalformedFrame;
  }
  return DecodeFrame(*frame);
}

}  // namespace proxymeter::collector
