// The command line: which subcommand, with which options.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/collector_command.h"
#include "cli/doctor_command.h"
#include "cli/explain_command.h"
#include "cli/inject_command.h"
#include "cli/policy_command.h"
#include "cli/reload_command.h"
#include "cli/run_command.h"
#include "cli/suggestion.h"
#include "cli/synopsis_formatter.h"
#include "cli/top_command.h"

namespace proxymeter::cli {
namespace {

constexpr int kUsageError = 2;

constexpr char kDescription[] =
    "proxymeter meters what programs send through HTTP and SOCKS proxies: per "
    "proxy\nvendor and destination the requests, responses and bytes in each "
    "direction.\nNo root, no extra hop, no change to the program.";

constexpr char kHelp[] = R"(To begin, on one machine:
  proxymeter collector --config vendors.yaml &
  proxymeter run -- curl -x http://proxy.acme.test:8080 http://example.com/
  proxymeter top --once

'proxymeter COMMAND --help' tells more about a command.)";

/// CLI11 takes arguments in reverse.
void Parse(CLI::App& app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
}

std::vector<std::string> CommandNames(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  return names;
}

int ReportUnknownCommand(const std::string& word,
                         const std::vector<std::string>& names) {
  std::cerr << "proxymeter: there is no command '" << word << "'";
  if (const auto guess = Suggest(word, names)) {
    std::cerr << "; did you mean '" << *guess << "'?";
  }
  std::cerr << "\nSee 'proxymeter --help'.\n";
  return kUsageError;
}

int Main(std::vector<std::string> arguments) {
  CLI::App app(kDescription, "proxymeter");
  app.formatter(std::make_shared<SynopsisFormatter>("COMMAND [OPTIONS]"));
  app.set_version_flag("--version", "proxymeter " PROXYMETER_VERSION);
  app.require_subcommand(1);
  app.footer(kHelp);
  RunOptions run_options;
  CLI::App* run = AddRunCommand(app, &run_options);
  collector::CollectorOptions collector_options;
  CLI::App* collector = AddCollectorCommand(app, &collector_options);
  TopOptions top_options;
  CLI::App* top = AddTopCommand(app, &top_options);
  ReloadOptions reload_options;
  CLI::App* reload = AddReloadCommand(app, &reload_options);
  PolicyOptions policy_options;
  CLI::App* policy = AddPolicyCommand(app, &policy_options);
  ExplainOptions explain_options;
  CLI::App* explain = AddExplainCommand(app, &explain_options);
  InjectOptions inject_options;
  CLI::App* inject = AddInjectCommand(app, &inject_options);
  DoctorOptions doctor_options;
  CLI::App* doctor = AddDoctorCommand(app, &doctor_options);

  const std::vector<std::string> names = CommandNames(app);
  if (!arguments.empty() && !arguments[0].starts_with('-') &&
      std::find(names.begin(), names.end(), arguments[0]) == names.end()) {
    return ReportUnknownCommand(arguments[0], names);
  }
  const bool is_run = !arguments.empty() && arguments[0] == run->get_name();
  if (is_run) {
    // CLI11 must not see the command: it would read the command's options.
    std::vector<std::string> words(arguments.begin() + 1, arguments.end());
    const size_t own = OwnArguments(*run, words);
    run_options.command.assign(words.begin() + own, words.end());
    words.resize(own > 0 && words[own - 1] == "--" ? own - 1 : own);
    arguments.resize(1);
    arguments.insert(arguments.end(), words.begin(), words.end());
  }
  if (!arguments.empty() && arguments[0] == doctor->get_name()) {
    // Nor the command that is only looked at.
    const auto mark = std::find(arguments.begin(), arguments.end(), "--");
    if (mark != arguments.end()) {
      doctor_options.has_command = true;
      doctor_options.command.assign(mark + 1, arguments.end());
      arguments.erase(mark, arguments.end());
    }
  }
  try {
    Parse(app, std::move(arguments));
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::cerr << "proxymeter: " << error.what()
              << "\nSee 'proxymeter --help' or 'proxymeter COMMAND --help'.\n";
    return is_run ? kRunFailed : kUsageError;
  }
  if (run->parsed()) return Run(run_options);
  if (collector->parsed()) return RunCollectorCommand(collector_options);
  if (top->parsed()) {
    const int terminal = isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : -1;
    if (isatty(STDIN_FILENO) == 1) top_options.keyboard = STDIN_FILENO;
    return Top(top_options, terminal, std::cout, std::cerr);
  }
  if (reload->parsed()) return Reload(reload_options, std::cout, std::cerr);
  if (policy->parsed()) return Policy(policy_options, std::cout, std::cerr);
  if (explain->parsed()) {
    return ExplainConnection(explain_options, std::cout, std::cerr);
  }
  if (inject->parsed()) {
    return Inject(inject_options, std::cin, std::cout, std::cerr);
  }
  if (doctor->parsed()) return Doctor(doctor_options, std::cout, std::cerr);
  return kUsageError;
}

}  // namespace
}  // namespace proxymeter::cli

int main(int argc, char** argv) {
  return proxymeter::cli::Main({argv + 1, argv + argc});
}
