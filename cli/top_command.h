// proxymeter top: live totals and rates of a collector.
#ifndef PROXYMETER_CLI_TOP_COMMAND_H_
#define PROXYMETER_CLI_TOP_COMMAND_H_

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "CLI/CLI.hpp"
#include "cli/top_view.h"

namespace proxymeter::cli {

struct TopOptions {
  std::string directory;  ///< --dir; empty for the default
  std::string address;    ///< --connect; empty for the directory's socket
  double interval_seconds = 1;
  bool once = false;
  std::uint64_t count = 0;  ///< blocks to print; 0 for no end
  ViewOptions view;
  bool json = false;
  /// Descriptor of a terminal whose keys sort what is on the screen; -1: none.
  int keyboard = -1;
  /// How long beyond the interval the collector may be silent.
  std::chrono::milliseconds patience{5000};
};

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddTopCommand(CLI::App& app, TopOptions* options);

/// Shows the collector's totals on `out` until the count is reached, Ctrl-C or
/// SIGTERM (0), or the collector is not there or goes away (1, with a message
/// on `error`). `terminal` is the descriptor of the terminal behind `out`, -1
/// when there is none.
int Top(const TopOptions& options, int terminal, std::ostream& out,
        std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_COMMAND_H_
