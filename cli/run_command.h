// proxymeter run: starts a program with the metering library preloaded.
#ifndef PROXYMETER_CLI_RUN_COMMAND_H_
#define PROXYMETER_CLI_RUN_COMMAND_H_

#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

/// Exit statuses of `run` itself, those of env(1); any other is the command's.
inline constexpr int kRunFailed = 125;
inline constexpr int kCannotExecute = 126;
inline constexpr int kCommandNotFound = 127;

struct RunOptions {
  std::string directory;  ///< --dir; empty for the default
  std::string vendor;     ///< --vendor; empty for none
  /// The command and its arguments, verbatim.
  std::vector<std::string> command;
};

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddRunCommand(CLI::App& app, RunOptions* options);

/// How many of `arguments`, those behind `run`, are its own: all before the
/// command, which begins behind "--" or at the first word that is no option.
/// "--" itself counts.
size_t OwnArguments(const CLI::App& run,
                    const std::vector<std::string>& arguments);

/// Becomes the command; returns an exit status only when it cannot, having
/// said why on stderr.
int Run(const RunOptions& options);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_RUN_COMMAND_H_
