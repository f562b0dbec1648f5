// The Collector service of collector.proto.
#ifndef PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_
#define PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>

#include "collector/accounts/sessions.h"
#include "collector/pod_identity.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::collector {

/// Callback service: neither a watcher nor a reporter holds a thread.
class CollectorService : public v1::Collector::CallbackService {
 public:
  /// `sessions` must outlive the service.
  CollectorService(Sessions& sessions, PodIdentity pod);

  grpc::ServerUnaryReactor* Snapshot(grpc::CallbackServerContext* context,
                                     const v1::SnapshotRequest* request,
                                     v1::SnapshotResponse* response) override;
  grpc::ServerWriteReactor<v1::SnapshotResponse>* Watch(
      grpc::CallbackServerContext* context,
      const v1::WatchRequest* request) override;
  grpc::ServerReadReactor<v1::Frame>* Report(
      grpc::CallbackServerContext* context,
      v1::ReportResponse* response) override;

  v1::SnapshotResponse CurrentSnapshot() const;

 private:
  Sessions& sessions_;
  const PodIdentity pod_;
  std::atomic<int> streams_ = 0;  // open Watch and Report calls
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_
