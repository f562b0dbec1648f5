// proxymeter explain: which rule decides about a connection, and why.
#ifndef PROXYMETER_CLI_EXPLAIN_COMMAND_H_
#define PROXYMETER_CLI_EXPLAIN_COMMAND_H_

#include <ostream>
#include <string>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

struct ExplainOptions {
  std::string connection;  ///< ConnectionText
  std::string config;      ///< --config; empty: the policy in force
  std::string directory;   ///< --dir; empty for the default
  std::string address;     ///< --address: what the host resolves to
  bool resolve = false;    ///< ask the system for that
  bool all = false;        ///< rules, however many
  bool json = false;
};

/// Adds the subcommand to `app`. `options` must outlive it.
CLI::App* AddExplainCommand(CLI::App& app, ExplainOptions* options);

/// 0: a rule decides. 1: none does, or it cannot be told, which `error` says.
/// 2: what was asked makes no sense.
int ExplainConnection(const ExplainOptions& options, std::ostream& out,
                      std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_EXPLAIN_COMMAND_H_
