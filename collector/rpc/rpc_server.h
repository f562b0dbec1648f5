// The gRPC server: the collector's service, health and reflection.
#ifndef PROXYMETER_COLLECTOR_RPC_RPC_SERVER_H_
#define PROXYMETER_COLLECTOR_RPC_RPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/rpc/collector_service.h"

namespace proxymeter::collector {

class RpcServer {
 public:
  /// Listens on `address` (HOST:PORT, port 0 for any) and on the Unix socket
  /// DIRECTORY/grpc.sock, which only the collector's user can connect to. The
  /// caller holds the directory's lock: gRPC takes a live Unix socket over
  /// without a word.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const std::string& address, const std::string& directory,
      std::unique_ptr<CollectorService> service);

  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;
  ~RpcServer() { Stop(); }

  /// HOST:PORT, with the port that was bound.
  const std::string& address() const { return address_; }

  /// Ends all calls and removes the Unix socket.
  void Stop();

 private:
  RpcServer() = default;

  std::unique_ptr<CollectorService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::string socket_path_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_RPC_SERVER_H_
