#include "shim/uplink/frame_encoder.h"

#include <pb_encode.h>

#include <cstring>

#include "proxymeter/v1/frame.pb.h"

namespace proxymeter::shim {
namespace {

// Frame.rows: nanopb is told to leave the field out, since rows are appended
// one by one (protobuf allows a message to be continued that way).
constexpr std::uint32_t kRowsField = 4;
constexpr std::uint32_t kFrameVersion = 1;

// The counters of a kind and the fields of its message are the same values in
// the same order.
template <std::size_t kCount, typename Message>
void CopyCounters(const CounterValues& counters, Message* message) {
  static_assert(sizeof(Message) == kCount * sizeof(std::uint64_t));
  std::memcpy(message, counters, sizeof(Message));
}

}  // namespace

bool FrameEncoder::Begin(const JournalHeader& header, bool has_journal) {
  size_ = 0;
  proxymeter_v1_Frame frame = proxymeter_v1_Frame_init_zero;
  frame.version = kFrameVersion;
  std::memcpy(frame.session, header.session.data(), header.session.size());
  frame.has_process = true;
  frame.process.pid = header.pid;
  // protobuf refuses a message whose strings are not UTF-8, and a process may
  // call itself anything.
  constexpr std::size_t kLongest = sizeof(frame.process.command) - 1;
  for (std::size_t i = 0; i < kLongest && header.command[i] != '\0'; ++i) {
    const char c = header.command[i];
    frame.process.command[i] = c >= ' ' && c <= '~' ? c : '?';
  }
  frame.process.started_unix_ns = header.started_unix_ns;
  frame.process.has_journal = has_journal;
  pb_ostream_t stream = pb_ostream_from_buffer(buffer_.data(), buffer_.size());
  if (!pb_encode(&stream, proxymeter_v1_Frame_fields, &frame)) return false;
  size_ = stream.bytes_written;
  return true;
}

bool FrameEncoder::Append(std::uint32_t index, const JournalRow& row,
                          const CounterValues& counters) {
  proxymeter_v1_Row message = proxymeter_v1_Row_init_zero;
  message.index = index;
  message.kind = static_cast<proxymeter_v1_RowKind>(row.kind);
  message.protocol = static_cast<proxymeter_v1_Protocol>(row.protocol);
  message.visibility = static_cast<proxymeter_v1_Visibility>(row.visibility);
  message.code = row.code;
  row.vendor().copy(message.vendor, row.vendor().size());
  row.destination().copy(message.destination, row.destination().size());
  row.labels().copy(message.labels, row.labels().size());
  switch (row.kind) {
    case RowKind::kTraffic:
      message.has_traffic = true;
      CopyCounters<kTrafficCounters>(counters, &message.traffic);
      break;
    case RowKind::kVendor:
      message.has_vendor_counters = true;
      CopyCounters<kVendorCounters>(counters, &message.vendor_counters);
      break;
    case RowKind::kTunnel:
      message.has_tunnel = true;
      CopyCounters<kTunnelCounters>(counters, &message.tunnel);
      break;
    case RowKind::kShim:
      message.has_shim = true;
      CopyCounters<kShimCounters>(counters, &message.shim);
      break;
    case RowKind::kCaller:
      message.has_caller = true;
      CopyCounters<kCallerCounters>(counters, &message.caller);
      break;
    case RowKind::kPhase:
      message.has_phase = true;
      CopyCounters<kPhaseCounters>(counters, &message.phase);
      break;
    case RowKind::kProxyError:
      message.has_proxy_error = true;
      CopyCounters<kProxyErrorCounters>(counters, &message.proxy_error);
      break;
    case RowKind::kTlsSession:
      message.has_tls_session = true;
      CopyCounters<kTlsSessionCounters>(counters, &message.tls_session);
      break;
    case RowKind::kGrpc:
      message.has_grpc = true;
      CopyCounters<kGrpcCounters>(counters, &message.grpc);
      break;
    case RowKind::kNone:
      return true;
  }
  pb_ostream_t stream =
      pb_ostream_from_buffer(buffer_.data() + size_, buffer_.size() - size_);
  if (!pb_encode_tag(&stream, PB_WT_STRING, kRowsField) ||
      !pb_encode_submessage(&stream, proxymeter_v1_Row_fields, &message)) {
    return false;
  }
  size_ += stream.bytes_written;
  return true;
}

}  // namespace proxymeter::shim
