#include "cli/collector_address.h"

#include "absl/strings/str_cat.h"
#include "cli/directory.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {

void AddCollectorAddress(CLI::App& command, std::string* directory,
                         std::string* address) {
  CLI::Option* option =
      command
          .add_option("--dir", *directory,
                      "The collector's directory (default: $PROXYMETER_DIR, "
                      "else /run/proxymeter for root, else "
                      "$XDG_RUNTIME_DIR/proxymeter)")
          ->type_name("DIR");
  command
      .add_option("--connect", *address,
                  "The collector's gRPC address, HOST:PORT or unix:PATH, "
                  "instead of its directory")
      ->type_name("ADDRESS")
      ->excludes(option);
}

absl::StatusOr<std::string> CollectorAddress(const std::string& directory,
                                             const std::string& address) {
  if (!address.empty()) return address;
  const auto chosen = ChooseDirectory(directory, OwnSurroundings());
  if (!chosen.ok()) return chosen.status();
  return absl::StrCat("unix:", *chosen, "/", kGrpcSocketName);
}

std::shared_ptr<grpc::Channel> ConnectCollector(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A crawler's environment names proxies; this is not for them to carry.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The totals of a large crawl exceed the default of 4 MB.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::string WhyNoAnswer(const std::string& address, const grpc::Status& status,
                        bool timed_out) {
  std::string reason = "it is silent";
  if (!timed_out) reason = status.error_message();
  return absl::StrCat("no collector answers at ", address,
                      "; start one with 'proxymeter collector --config FILE' "
                      "(",
                      reason, ")");
}

}  // namespace proxymeter::cli
