#include "bench/crowd.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "collector/testing/journal_fixture.h"
#include "proxymeter/v1/frame.pb.h"

namespace proxymeter::bench {

using collector::DecodedFrame;
using collector::RowValue;
using collector::SessionId;

SessionId Crowd::Id(std::uint32_t session) const {
  // As random as real ones are: neighbours would be cheap to look up.
  std::uint64_t state = session + 1;
  SessionId id;
  for (std::uint8_t& byte : id) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::uint8_t>(state >> 56);
  }
  std::memcpy(id.data(), &session, sizeof session);  // surely distinct
  return id;
}

RowValue Crowd::Row(std::uint32_t session, std::uint32_t row,
                    std::uint64_t generation) const {
  const std::uint64_t requests = generation + 1;
  return collector::TrafficRow(
      absl::StrCat("vendor-", session % 6),
      absl::StrCat("www.shop-", std::uint64_t{session} * rows + row,
                   ".example.com"),
      /*sent=*/800 * requests, /*received=*/52'000 * requests, requests);
}

std::string Crowd::Frame(std::uint32_t session,
                         std::uint64_t generation) const {
  const SessionId id = Id(session);
  v1::Frame frame;
  frame.set_version(collector::kFrameVersion);
  frame.set_session(id.data(), id.size());
  frame.mutable_process()->set_pid(static_cast<std::int32_t>(session));
  frame.mutable_process()->set_command("crawler");
  frame.mutable_process()->set_started_unix_ns(1'700'000'000'000'000'000);
  frame.mutable_process()->set_has_journal(true);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const RowValue row = Row(session, i, generation);
    v1::Row* message = frame.add_rows();
    message->set_index(i);
    message->set_kind(v1::ROW_KIND_TRAFFIC);
    message->set_vendor(row.key.vendor);
    message->set_destination(row.key.destination);
    message->set_protocol(static_cast<v1::Protocol>(row.key.protocol));
    message->set_visibility(static_cast<v1::Visibility>(row.key.visibility));
    v1::TrafficCounters* counters = message->mutable_traffic();
    counters->set_sent_bytes(row.counters[kSentBytes]);
    counters->set_received_bytes(row.counters[kReceivedBytes]);
    counters->set_requests(row.counters[kRequests]);
    counters->set_responses_2xx(row.counters[kResponses2xx]);
  }
  return frame.SerializeAsString();
}

DecodedFrame Crowd::Decoded(std::uint32_t session,
                            std::uint64_t generation) const {
  DecodedFrame frame;
  frame.session = Id(session);
  for (std::uint32_t i = 0; i < rows; ++i) {
    frame.rows.push_back({i, Row(session, i, generation)});
  }
  return frame;
}

}  // namespace proxymeter::bench
