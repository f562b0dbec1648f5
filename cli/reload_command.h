// proxymeter reload: has a collector read its configuration anew.
#ifndef PROXYMETER_CLI_RELOAD_COMMAND_H_
#define PROXYMETER_CLI_RELOAD_COMMAND_H_

#include <chrono>
#include <ostream>
#include <string>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

struct ReloadOptions {
  std::string directory;  ///< --dir; empty for the default
  std::string address;    ///< --connect; empty for the directory's socket
  bool json = false;
  /// Compiling millions of addresses takes its time.
  std::chrono::milliseconds patience = std::chrono::minutes(5);
};

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddReloadCommand(CLI::App& app, ReloadOptions* options);

/// Says on `out` what is in force then (0); on `error` why the configuration
/// could not be taken, or that there is no collector (1).
int Reload(const ReloadOptions& options, std::ostream& out,
           std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_RELOAD_COMMAND_H_
