// proxymeter collector: the pod's collector, until it is told to stop.
#ifndef PROXYMETER_CLI_COLLECTOR_COMMAND_H_
#define PROXYMETER_CLI_COLLECTOR_COMMAND_H_

#include "CLI/CLI.hpp"
#include "collector/collector.h"

namespace proxymeter::cli {

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddCollectorCommand(CLI::App& app,
                              collector::CollectorOptions* options);

/// Runs until SIGTERM or SIGINT; returns the exit status.
int RunCollectorCommand(collector::CollectorOptions options);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_COLLECTOR_COMMAND_H_
