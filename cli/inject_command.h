// proxymeter inject: manifests of Kubernetes with metering added.
#ifndef PROXYMETER_CLI_INJECT_COMMAND_H_
#define PROXYMETER_CLI_INJECT_COMMAND_H_

#include <istream>
#include <ostream>

#include "CLI/CLI.hpp"
#include "cli/inject/options.h"

namespace proxymeter::cli {

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddInjectCommand(CLI::App& app, InjectOptions* options);

/// Prints the manifest, whole or not at all. `in` is what "-" stands for. 0:
/// everything that makes pods is metered now; 1: it cannot be, which is said on
/// `error`.
int Inject(const InjectOptions& options, std::istream& in, std::ostream& out,
           std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_COMMAND_H_
