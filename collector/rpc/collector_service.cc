#include "collector/rpc/collector_service.h"

#include <chrono>
#include <utility>

#include "collector/rpc/reload_message.h"
#include "collector/rpc/report_reactor.h"
#include "collector/rpc/snapshot_message.h"
#include "collector/rpc/watch_reactor.h"

namespace proxymeter::collector {
namespace {

// Each costs memory for as long as its client likes.
constexpr int kMaxStreams = 256;

std::uint64_t UnixNanoseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count());
}

grpc::Status TooManyStreams() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many open streams"};
}

class RefusedWatch : public grpc::ServerWriteReactor<v1::SnapshotResponse> {
 public:
  RefusedWatch() { Finish(TooManyStreams()); }
  void OnDone() override { delete this; }
};

class RefusedReport : public grpc::ServerReadReactor<v1::Frame> {
 public:
  RefusedReport() { Finish(TooManyStreams()); }
  void OnDone() override { delete this; }
};

}  // namespace

CollectorService::CollectorService(Sessions& sessions, PodIdentity pod,
                                   ReloadSource reload)
    : sessions_(sessions), pod_(std::move(pod)), reload_(std::move(reload)) {}

grpc::ServerUnaryReactor* CollectorService::Snapshot(
    grpc::CallbackServerContext* context, const v1::SnapshotRequest*,
    v1::SnapshotResponse* response) {
  *response = CurrentSnapshot();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1::SnapshotResponse>* CollectorService::Watch(
    grpc::CallbackServerContext*, const v1::WatchRequest* request) {
  StreamSlot slot(streams_, kMaxStreams);
  if (!slot.taken()) return new RefusedWatch;
  return new WatchReactor([this] { return CurrentSnapshot(); },
                          request->interval_ms(), std::move(slot));
}

grpc::ServerReadReactor<v1::Frame>* CollectorService::Report(
    grpc::CallbackServerContext*, v1::ReportResponse* response) {
  StreamSlot slot(streams_, kMaxStreams);
  if (!slot.taken()) return new RefusedReport;
  return new ReportReactor(sessions_, response, std::move(slot));
}

grpc::ServerUnaryReactor* CollectorService::Reload(
    grpc::CallbackServerContext* context, const v1::ReloadRequest*,
    v1::ReloadResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (reload_.request == nullptr) {
    reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, "nothing to reload"});
    return reactor;
  }
  const bool taken =
      reload_.request([this, reactor, response](const ReloadAnswer& answer) {
        *response = ReloadMessage(answer, reload_.config_file);
        reactor->Finish(grpc::Status::OK);
      });
  if (!taken) {
    reactor->Finish(
        {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many reloads wait"});
  }
  return reactor;
}

v1::SnapshotResponse CollectorService::CurrentSnapshot() const {
  return SnapshotMessage(sessions_.Snapshot(), pod_, UnixNanoseconds());
}

}  // namespace proxymeter::collector
