#include "collector/rpc/report_reactor.h"

#include <string>
#include <utility>
#include <variant>

namespace proxymeter::collector {

ReportReactor::ReportReactor(Sessions& sessions, v1::ReportResponse* response,
                             StreamSlot slot)
    : sessions_(sessions), response_(*response), slot_(std::move(slot)) {
  StartRead(&frame_);
}

void ReportReactor::OnReadDone(bool ok) {
  if (!ok) {
    Finish(grpc::Status::OK);
    return;
  }
  if (const std::optional<Rejection> rejection = Take(frame_)) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT,
            "frame rejected: " + std::string(Name(*rejection))});
    return;
  }
  StartRead(&frame_);
}

void ReportReactor::OnDone() {
  if (session_) sessions_.Finish(*session_);
  delete this;
}

std::optional<Rejection> ReportReactor::Take(v1::Frame& frame) {
  auto decoded = DecodeFrame(frame);
  if (const auto* rejection = std::get_if<Rejection>(&decoded)) {
    sessions_.CountRejection(*rejection);
    return *rejection;
  }
  DecodedFrame& good = std::get<DecodedFrame>(decoded);
  // Whatever it claims: over gRPC there is no journal, and the order of the
  // frames is certain.
  good.process.has_journal = false;
  if (session_ && *session_ != good.session) {
    sessions_.CountRejection(Rejection::kBadSession);
    return Rejection::kBadSession;
  }
  const auto opening =
      session_ ? Sessions::Opening::kNewOrOpen : Sessions::Opening::kNew;
  if (const auto rejection =
          sessions_.ApplyFrame(good, /*owner=*/{}, opening)) {
    return rejection;
  }
  session_ = good.session;
  response_.set_frames(response_.frames() + 1);
  response_.set_rows(response_.rows() + good.rows.size());
  response_.set_rejected_rows(response_.rejected_rows() + good.bad_rows.size());
  return std::nullopt;
}

}  // namespace proxymeter::collector
