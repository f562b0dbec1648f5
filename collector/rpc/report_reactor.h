// One client of Collector.Report.
#ifndef PROXYMETER_COLLECTOR_RPC_REPORT_REACTOR_H_
#define PROXYMETER_COLLECTOR_RPC_REPORT_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <optional>

#include "collector/accounts/frame_codec.h"
#include "collector/accounts/rejection.h"
#include "collector/accounts/sessions.h"
#include "collector/rpc/stream_slot.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::collector {

/// Takes frames as the Unix socket does, all of one session, which the first
/// one opens and the end of the stream closes. Deletes itself.
class ReportReactor : public grpc::ServerReadReactor<v1::Frame> {
 public:
  ReportReactor(Sessions& sessions, v1::ReportResponse* response,
                StreamSlot slot);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  std::optional<Rejection> Take(v1::Frame& frame);

  Sessions& sessions_;
  v1::ReportResponse& response_;
  const StreamSlot slot_;
  v1::Frame frame_;
  std::optional<SessionId> session_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_REPORT_REACTOR_H_
