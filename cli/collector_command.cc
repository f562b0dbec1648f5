#include "cli/collector_command.h"

#include <chrono>
#include <iostream>
#include <memory>

#include "cli/directory.h"
#include "cli/synopsis_formatter.h"

namespace proxymeter::cli {
namespace {

constexpr char kHelp[] = R"(Examples:
  proxymeter collector --config vendors.yaml
  proxymeter collector --dir /run/proxymeter --config /etc/proxymeter/vendors.yaml --metrics-listen 0.0.0.0:9099

Prometheus scrapes http://METRICS-LISTEN/metrics. gRPC also listens on the Unix
socket DIR/grpc.sock, where 'proxymeter top' finds it. One collector at a time
serves a directory. SIGTERM and SIGINT stop it. The configuration is read again
when its file has changed, on SIGHUP and on 'proxymeter reload'; a mistake in it
changes nothing. Totals survive any end of the collector: they are in the ledger,
a SQLite file. Remove it, with no collector running, to begin anew.)";

}  // namespace

CLI::App* AddCollectorCommand(CLI::App& app,
                              collector::CollectorOptions* options) {
  CLI::App* command = app.add_subcommand(
      "collector", "Collect what metered programs count and publish it");
  command->formatter(std::make_shared<SynopsisFormatter>("[OPTIONS]"));
  command
      ->add_option("--dir", options->directory,
                   "Directory shared with the metered programs (default: "
                   "$PROXYMETER_DIR, else /run/proxymeter for root, else "
                   "$XDG_RUNTIME_DIR/proxymeter)")
      ->type_name("DIR");
  command
      ->add_option("--config", options->config_file,
                   "Vendors and the rules that recognise their proxies (YAML)")
      ->type_name("FILE");
  command
      ->add_option("--metrics-listen", options->metrics_listen,
                   "Where /metrics is served over HTTP")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command
      ->add_option("--grpc-listen", options->grpc_listen,
                   "Where gRPC is served over TCP")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command
      ->add_option("--ledger", options->ledger_file,
                   "Where the totals are written down (default: DIR/ledger.db)")
      ->type_name("FILE");
  command
      ->add_option_function<unsigned>(
          "--fold-idle",
          [options](unsigned seconds) {
            options->fold_idle = std::chrono::seconds(seconds);
          },
          "End the series of destinations without traffic for so long; their "
          "vendor's totals keep what they counted. Longer than the scrape "
          "interval; 0: never")
      ->type_name("SECONDS")
      ->default_str("86400");
  command
      ->add_option("--max-destinations", options->max_destinations,
                   "Destinations of one vendor; further ones are its _other")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("!--no-audit", options->audit,
                    "Do not compare with the kernel's own counts, nor meter by "
                    "them what no metered program reports");
  command
      ->add_option_function<unsigned>(
          "--linger",
          [options](unsigned seconds) {
            options->linger = std::chrono::seconds(seconds);
          },
          "After SIGTERM, wait so long for a last scrape of /metrics")
      ->type_name("SECONDS")
      ->default_str("0");
  command->footer(kHelp);
  return command;
}

int RunCollectorCommand(collector::CollectorOptions options) {
  const auto directory = ChooseDirectory(options.directory, OwnSurroundings());
  absl::Status status = directory.status();
  if (directory.ok()) {
    options.directory = *directory;
    status = collector::RunCollector(options);
  }
  if (status.ok()) return 0;
  std::cerr << "proxymeter: " << status.message() << '\n';
  return 1;
}

}  // namespace proxymeter::cli
