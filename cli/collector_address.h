// The way to a collector's gRPC.
#ifndef PROXYMETER_CLI_COLLECTOR_ADDRESS_H_
#define PROXYMETER_CLI_COLLECTOR_ADDRESS_H_

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"

namespace proxymeter::cli {

/// Adds --dir and --connect, of which one at most may be given.
void AddCollectorAddress(CLI::App& command, std::string* directory,
                         std::string* address);

/// For gRPC: `address` if not empty, else the socket in the directory that
/// `directory` (--dir) stands for. Fails when nothing names one.
absl::StatusOr<std::string> CollectorAddress(const std::string& directory,
                                             const std::string& address);

/// Connects when it is first used.
std::shared_ptr<grpc::Channel> ConnectCollector(const std::string& address);

/// "no collector answers at ADDRESS; ...": with what to do.
std::string WhyNoAnswer(const std::string& address, const grpc::Status& status,
                        bool timed_out);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_COLLECTOR_ADDRESS_H_
