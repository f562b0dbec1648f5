// proxymeter policy: configurations and compiled policies without a collector.
#ifndef PROXYMETER_CLI_POLICY_COMMAND_H_
#define PROXYMETER_CLI_POLICY_COMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

struct PolicyOptions {
  CLI::App* check = nullptr;
  CLI::App* compile = nullptr;
  CLI::App* dump = nullptr;
  std::vector<std::string> files;  ///< of check
  std::string file;                ///< of compile and dump
  std::string output;              ///< of compile
  bool json = false;
};

/// Adds the subcommand, with its own, to `app`. `options` must outlive it.
CLI::App* AddPolicyCommand(CLI::App& app, PolicyOptions* options);

/// Does what was parsed. 0: all is well; 1: a file is not, or cannot be
/// written, which is said on `error`.
int Policy(const PolicyOptions& options, std::ostream& out,
           std::ostream& error);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_POLICY_COMMAND_H_
