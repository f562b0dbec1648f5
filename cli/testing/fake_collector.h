// A gRPC server that answers Watch with prepared snapshots.
#ifndef PROXYMETER_CLI_TESTING_FAKE_COLLECTOR_H_
#define PROXYMETER_CLI_TESTING_FAKE_COLLECTOR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::cli {

class FakeCollector final : public v1::Collector::Service {
 public:
  enum class AtEnd { kHang, kStop, kFail };

  /// Listens on DIRECTORY/grpc.sock and on a port of 127.0.0.1. A Watch gets
  /// the snapshots one behind the other, and then what `at_end` says.
  FakeCollector(const std::string& directory,
                std::vector<v1::SnapshotResponse> snapshots, AtEnd at_end);
  ~FakeCollector() override;

  /// What Reload is answered with; before, there is no such call.
  void SetReload(v1::ReloadResponse response) { reload_ = std::move(response); }

  int port() const { return port_; }
  /// Of the last Watch.
  std::uint32_t interval_ms() const { return interval_ms_; }

 private:
  grpc::Status Watch(grpc::ServerContext* context,
                     const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::SnapshotResponse>* stream) override;

  grpc::Status Reload(grpc::ServerContext* context,
                      const v1::ReloadRequest* request,
                      v1::ReloadResponse* response) override;

  const std::vector<v1::SnapshotResponse> snapshots_;
  std::optional<v1::ReloadResponse> reload_;
  const AtEnd at_end_;
  int port_ = 0;
  std::atomic<std::uint32_t> interval_ms_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_FAKE_COLLECTOR_H_
