#include "collector/rpc/rpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

// How long calls in progress may take to end at a stop.
constexpr std::chrono::seconds kGrace{1};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(
    const std::string& address, const std::string& directory,
    std::unique_ptr<CollectorService> service) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  std::unique_ptr<RpcServer> server(new RpcServer);
  server->service_ = std::move(service);
  server->socket_path_ = absl::StrCat(directory, "/", kGrpcSocketName);
  const auto credentials = grpc::InsecureServerCredentials();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, credentials, &port);
  builder.AddListeningPort(absl::StrCat("unix:", server->socket_path_),
                           credentials);
  builder.RegisterService(server->service_.get());
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxFrameBytes));
  // With it a second collector would silently take half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Only reflection is served by threads that wait.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen for gRPC on ", address, " and ", server->socket_path_));
  }
  server->address_ =
      absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  return server;
}

void RpcServer::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + kGrace);
  server_->Wait();
  server_.reset();
  unlink(socket_path_.c_str());
}

}  // namespace proxymeter::collector
