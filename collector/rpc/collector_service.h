// The Collector service of collector.proto.
#ifndef PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_
#define PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "collector/accounts/sessions.h"
#include "collector/pod_identity.h"
#include "collector/reload/config_keeper.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::collector {

/// As ConfigKeeper::Request; and the file that is read.
struct ReloadSource {
  std::function<bool(ConfigKeeper::Done done)> request{};
  std::string config_file{};
};

/// Callback service: neither a watcher nor a reporter holds a thread.
class CollectorService : public v1::Collector::CallbackService {
 public:
  /// `sessions` must outlive the service, and so must what `reload` asks.
  /// Without that there is no Reload.
  CollectorService(Sessions& sessions, PodIdentity pod,
                   ReloadSource reload = {});

  grpc::ServerUnaryReactor* Snapshot(grpc::CallbackServerContext* context,
                                     const v1::SnapshotRequest* request,
                                     v1::SnapshotResponse* response) override;
  grpc::ServerWriteReactor<v1::SnapshotResponse>* Watch(
      grpc::CallbackServerContext* context,
      const v1::WatchRequest* request) override;
  grpc::ServerReadReactor<v1::Frame>* Report(
      grpc::CallbackServerContext* context,
      v1::ReportResponse* response) override;
  grpc::ServerUnaryReactor* Reload(grpc::CallbackServerContext* context,
                                   const v1::ReloadRequest* request,
                                   v1::ReloadResponse* response) override;

  v1::SnapshotResponse CurrentSnapshot() const;

 private:
  Sessions& sessions_;
  const PodIdentity pod_;
  const ReloadSource reload_;
  std::atomic<int> streams_ = 0;  // open Watch and Report calls
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_COLLECTOR_SERVICE_H_
