#include "cli/reload_command.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/call_guard.h"
#include "cli/collector_address.h"
#include "cli/human_units.h"
#include "cli/synopsis_formatter.h"
#include "nlohmann/json.hpp"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::cli {
namespace {

constexpr char kHelp[] = R"(Examples:
  proxymeter reload
  proxymeter reload --dir /run/proxymeter
  proxymeter reload --json --connect 10.1.2.3:9098 | jq .in_force.generation

Answers when what the file says is in force, or why it is not: what was in force
before stays then. A collector also reads the file by itself when it has changed,
and on SIGHUP. Metered programs take a new policy within two seconds of their
next traffic; connections that are open keep their vendor.

Variables:
  PROXYMETER_DIR  the directory, when --dir is not given

Exit status: 0 when what the file says is in force, 1 when not, 2 when the
command line is wrong.)";

const char* ResultName(v1::ReloadResult result) {
  switch (result) {
    case v1::RELOAD_RESULT_OK:
      return "ok";
    case v1::RELOAD_RESULT_UNCHANGED:
      return "unchanged";
    default:
      return "failed";
  }
}

// 64 bits are more than JSON's numbers can be trusted with.
std::string Checksum(const v1::PolicyInForce& in_force) {
  return absl::StrFormat("%016x", in_force.policy_checksum());
}

std::string FormatJson(const v1::ReloadResponse& response) {
  const v1::PolicyInForce& in_force = response.in_force();
  const nlohmann::ordered_json record = {
      {"result", ResultName(response.result())},
      {"error", response.error()},
      {"in_force",
       {{"config_file", in_force.config_file()},
        {"generation", in_force.generation()},
        {"config_sha256", in_force.config_sha256()},
        {"policy_checksum", Checksum(in_force)},
        {"policy_bytes", in_force.policy_bytes()},
        {"vendors", in_force.vendors()},
        {"rules", in_force.rules()},
        {"since_unix_ns", in_force.since_unix_ns()}}}};
  return record.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

std::string Size(const v1::PolicyInForce& in_force) {
  return absl::StrCat("generation ", in_force.generation(),
                      ", vendors: ", in_force.vendors(),
                      ", rules: ", in_force.rules());
}

std::string FormatText(const v1::ReloadResponse& response) {
  const v1::PolicyInForce& in_force = response.in_force();
  if (in_force.config_file().empty()) {
    return "the collector has no configuration: nothing to reload\n";
  }
  const bool unchanged = response.result() == v1::RELOAD_RESULT_UNCHANGED;
  return absl::StrCat(
      in_force.config_file(),
      unchanged ? " was in force already: " : " is in force: ", Size(in_force),
      "\nconfiguration  sha256 ", in_force.config_sha256(), "\npolicy         ",
      Checksum(in_force), ", ", in_force.policy_bytes(), " bytes, since ",
      UtcTime(in_force.since_unix_ns()), "\n");
}

}  // namespace

CLI::App* AddReloadCommand(CLI::App& app, ReloadOptions* options) {
  CLI::App* reload = app.add_subcommand(
      "reload", "Have the collector read its configuration anew");
  reload->formatter(std::make_shared<SynopsisFormatter>("[OPTIONS]"));
  AddCollectorAddress(*reload, &options->directory, &options->address);
  reload->add_flag("--json", options->json, "Print one JSON object instead");
  reload->footer(kHelp);
  return reload;
}

int Reload(const ReloadOptions& options, std::ostream& out,
           std::ostream& error) {
  const auto address = CollectorAddress(options.directory, options.address);
  if (!address.ok()) {
    error << "proxymeter: " << address.status().message() << '\n';
    return 1;
  }
  grpc::ClientContext context;
  CallGuard guard(&context, options.patience);
  v1::ReloadResponse response;
  const grpc::Status status = v1::Collector::NewStub(ConnectCollector(*address))
                                  ->Reload(&context, {}, &response);
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
      status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    error << "proxymeter: the collector at " << *address << ": "
          << status.error_message() << '\n';
    return 1;
  }
  if (!status.ok()) {
    error << "proxymeter: " << WhyNoAnswer(*address, status, guard.timed_out())
          << '\n';
    return 1;
  }
  const bool failed = response.result() != v1::RELOAD_RESULT_OK &&
                      response.result() != v1::RELOAD_RESULT_UNCHANGED;
  if (options.json) {
    out << FormatJson(response);
  } else if (!failed) {
    out << FormatText(response);
  }
  if (failed) {
    error << "proxymeter: " << response.error()
          << "\nproxymeter: what was in force stays: "
          << Size(response.in_force()) << ", since "
          << UtcTime(response.in_force().since_unix_ns()) << '\n';
  }
  return failed ? 1 : 0;
}

}  // namespace proxymeter::cli
