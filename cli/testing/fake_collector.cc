#include "cli/testing/fake_collector.h"

#include <chrono>
#include <thread>
#include <utility>

namespace proxymeter::cli {

FakeCollector::FakeCollector(const std::string& directory,
                             std::vector<v1::SnapshotResponse> snapshots,
                             AtEnd at_end)
    : snapshots_(std::move(snapshots)), at_end_(at_end) {
  grpc::ServerBuilder builder;
  const auto credentials = grpc::InsecureServerCredentials();
  builder.AddListeningPort("unix:" + directory + "/grpc.sock", credentials);
  builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeCollector::~FakeCollector() {
  server_->Shutdown(std::chrono::system_clock::now());
}

grpc::Status FakeCollector::Watch(
    grpc::ServerContext* context, const v1::WatchRequest* request,
    grpc::ServerWriter<v1::SnapshotResponse>* stream) {
  interval_ms_ = request->interval_ms();
  for (const v1::SnapshotResponse& snapshot : snapshots_) {
    stream->Write(snapshot);
  }
  if (at_end_ == AtEnd::kStop) return grpc::Status::OK;
  if (at_end_ == AtEnd::kFail) {
    return {grpc::StatusCode::INTERNAL, "out of sorts"};
  }
  while (!context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return grpc::Status::CANCELLED;
}

grpc::Status FakeCollector::Reload(grpc::ServerContext*,
                                   const v1::ReloadRequest*,
                                   v1::ReloadResponse* response) {
  if (!reload_.has_value()) {
    return {grpc::StatusCode::UNIMPLEMENTED, "no such call"};
  }
  *response = *reload_;
  return grpc::Status::OK;
}

}  // namespace proxymeter::cli
