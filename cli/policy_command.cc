#include "cli/policy_command.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/policy_report.h"
#include "cli/synopsis_formatter.h"
#include "collector/policy/policy_file.h"
#include "collector/policy/policy_summary.h"
#include "collector/policy/text_file.h"
#include "collector/reload/compiled_config.h"

namespace proxymeter::cli {
namespace {

constexpr char kHelp[] = R"(Examples:
  proxymeter policy check vendors.yaml
  proxymeter policy compile vendors.yaml -o policy
  proxymeter policy dump /run/proxymeter/policy

A collector compiles its configuration into DIR/policy, which metered programs
map. These do the same, and look into it, without a collector.

'proxymeter policy COMMAND --help' tells more about a command.)";

constexpr char kCheckHelp[] = R"(Examples:
  proxymeter policy check vendors.yaml
  proxymeter policy check deploy/*/vendors.yaml

One line for each file: what it would make, or FILE:LINE:COLUMN: FIELD: what is
wrong, on standard error. The files that it refers to are read too.

Exit status: 0 when all are right, 1 when one is not, 2 when the command line is
wrong.)";

constexpr char kCompileHelp[] = R"(Examples:
  proxymeter policy compile vendors.yaml -o policy

OUT is replaced in one step. The same configuration, by the same name, gives the
same bytes.

Exit status: 0 when it was written, 1 when not, 2 when the command line is wrong.)";

constexpr char kDumpHelp[] = R"(Examples:
  proxymeter policy dump /run/proxymeter/policy
  proxymeter policy dump --json policy | jq .rules

Header and checksum, what takes how much room, vendors, and rules in the order of
the configuration. Addresses are counted, not listed.

Exit status: 0; 1 when the file is no policy of this version, or damaged; 2 when
the command line is wrong.)";

std::string Result(const std::string& file, const collector::InForce& facts) {
  return absl::StrCat(file, ": ok, vendors: ", facts.vendors,
                      ", rules: ", facts.rules,
                      ", policy: ", facts.policy_bytes, " bytes\n");
}

int Failed(std::ostream& error, const absl::Status& status) {
  error << "proxymeter: " << status.message() << '\n';
  return 1;
}

int Check(const PolicyOptions& options, std::ostream& out,
          std::ostream& error) {
  int result = 0;
  for (const std::string& file : options.files) {
    const auto compiled = collector::CompileConfig(file);
    if (compiled.ok()) {
      out << Result(file, compiled->facts);
    } else {
      result = Failed(error, compiled.status());
    }
  }
  return result;
}

int Compile(const PolicyOptions& options, std::ostream& out,
            std::ostream& error) {
  const auto compiled = collector::CompileConfig(options.file);
  if (!compiled.ok()) return Failed(error, compiled.status());
  const absl::Status written =
      collector::ReplacePolicyFile(options.output, compiled->policy);
  if (!written.ok()) return Failed(error, written);
  out << Result(options.file, compiled->facts);
  return 0;
}

int Dump(const PolicyOptions& options, std::ostream& out, std::ostream& error) {
  const auto file = collector::ReadTextFile(options.file);
  if (!file.ok()) return Failed(error, file.status());
  const auto summary = collector::SummarisePolicy(*file);
  if (!summary.ok()) {
    error << "proxymeter: " << options.file << ": "
          << summary.status().message() << '\n';
    return 1;
  }
  out << (options.json ? FormatJson(*summary) : FormatText(*summary));
  return 0;
}

}  // namespace

CLI::App* AddPolicyCommand(CLI::App& app, PolicyOptions* options) {
  CLI::App* policy = app.add_subcommand(
      "policy", "Check, compile and look into policies without a collector");
  policy->formatter(std::make_shared<SynopsisFormatter>("COMMAND [OPTIONS]"));
  policy->require_subcommand(1);
  policy->footer(kHelp);
  const auto add = [policy](const char* name, const char* what,
                            const char* synopsis, const char* help) {
    CLI::App* command = policy->add_subcommand(name, what);
    command->formatter(std::make_shared<SynopsisFormatter>(synopsis));
    command->footer(help);
    return command;
  };
  options->check = add("check", "Say whether configurations are right",
                       "FILE...", kCheckHelp);
  options->check
      ->add_option("FILE", options->files, "Vendors and their rules (YAML)")
      ->type_name("")
      ->required();
  options->compile = add("compile", "Write the policy of a configuration",
                         "FILE -o OUT", kCompileHelp);
  options->compile
      ->add_option("FILE", options->file, "Vendors and their rules (YAML)")
      ->type_name("")
      ->required();
  options->compile
      ->add_option("-o,--output", options->output, "Where it is written to")
      ->type_name("OUT")
      ->required();
  options->dump =
      add("dump", "Show what is in a policy", "[OPTIONS] POLICY", kDumpHelp);
  options->dump->add_option("POLICY", options->file, "A compiled policy")
      ->type_name("")
      ->required();
  options->dump->add_flag("--json", options->json,
                          "Print one JSON object instead");
  return policy;
}

int Policy(const PolicyOptions& options, std::ostream& out,
           std::ostream& error) {
  if (options.check->parsed()) return Check(options, out, error);
  if (options.compile->parsed()) return Compile(options, out, error);
  return Dump(options, out, error);
}

}  // namespace proxymeter::cli
