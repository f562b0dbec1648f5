#include "cli/run_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/directory.h"
#include "cli/doctor/loading.h"
#include "cli/doctor/program_image.h"
#include "cli/doctor/sanitizer.h"
#include "cli/preload.h"
#include "cli/program_file.h"
#include "cli/synopsis_formatter.h"
#include "proxymeter/limits.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::cli {
namespace {

constexpr char kPreloadVariable[] = "LD_PRELOAD";

constexpr char kHelp[] = R"(Examples:
  proxymeter run -- python3 crawler.py --depth 3
  proxymeter run --vendor acme -- curl -x http://proxy.acme.test:8080 http://example.com/

The command keeps its terminal, signals and exit status. It needs no collector
to run: what it counts waits in DIR/journals until one comes.

Variables:
  PROXYMETER_DIR      the directory, when --dir is not given
  PROXYMETER_LIBRARY  path of libproxymeter.so, when it is not in ../lib

Exit status: that of the command; 125 when run itself fails, 126 when the
command cannot be executed, 127 when it is not found.)";

std::string Value(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

int Fail(absl::string_view message) {
  std::cerr << "proxymeter: " << message << '\n';
  return kRunFailed;
}

absl::Status SetEnvironment(const RunOptions& options) {
  const auto directory = ChooseDirectory(options.directory, OwnSurroundings());
  if (!directory.ok()) return directory.status();
  std::error_code error;
  const auto executable =
      std::filesystem::read_symlink("/proc/self/exe", error);
  const auto library =
      FindLibrary(Value(kLibraryVariable), executable.string());
  if (!library.ok()) return library.status();
  if (absl::Status status = CheckPreloadable(*library); !status.ok()) {
    return status;
  }
  PrepareDirectory(*directory);
  setenv(kDirectoryVariable, directory->c_str(), 1);
  if (!options.vendor.empty()) {
    setenv(kVendorVariable, options.vendor.c_str(), 1);
  }
  setenv(kPreloadVariable,
         AppendPreload(Value(kPreloadVariable), *library).c_str(), 1);
  return absl::OkStatus();
}

/// Warns when nothing will be metered, and lets AddressSanitizer take the
/// library, with which it would otherwise end the program.
void FitToProgram(const std::string& command) {
  const char* const path_variable = std::getenv("PATH");
  const auto file = ResolveCommand(command, path_variable);
  if (!file.has_value()) return;
  const auto image = FindImage(*file, path_variable);
  if (!image.ok()) return;
  if (const auto reason = WhyNotMetered(*image)) {
    std::cerr << "proxymeter: warning: " << command
              << " cannot be metered: " << *reason << '\n';
  } else if (HasSharedAsan(image->elf)) {
    setenv(kAsanVariable, AllowPreloadIntoAsan(Value(kAsanVariable)).c_str(),
           1);
  }
}

}  // namespace

CLI::App* AddRunCommand(CLI::App& app, RunOptions* options) {
  CLI::App* run = app.add_subcommand("run", "Run a program and meter it");
  run->formatter(std::make_shared<SynopsisFormatter>(
      "[OPTIONS] [--] COMMAND [ARGUMENTS...]"));
  run->add_option("--dir", options->directory,
                  "Directory shared with the collector (default: "
                  "$PROXYMETER_DIR, else /run/proxymeter for root, else "
                  "$XDG_RUNTIME_DIR/proxymeter)")
      ->type_name("DIR");
  run->add_option("--vendor", options->vendor,
                  "Vendor of all proxies that no rule of the collector's "
                  "configuration names")
      ->type_name("NAME")
      ->check(
          [](const std::string& name) {
            return IsVendorName(name)
                       ? std::string()
                       : "'" + name +
                             "' is not a vendor name: 1 to 63 of a-z, 0-9, "
                             "'_', '.', '-', the first a letter or digit; not "
                             "'direct'";
          },
          "", "vendor name");
  run->footer(kHelp);
  return run;
}

size_t OwnArguments(const CLI::App& run,
                    const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") return i + 1;
    if (argument.size() < 2 || argument[0] != '-') return i;
    const CLI::Option* option = run.get_option_no_throw(argument);
    if (option != nullptr && option->get_items_expected_max() > 0) ++i;
  }
  return arguments.size();
}

int Run(const RunOptions& options) {
  if (options.command.empty()) {
    return Fail("run needs a command, as in: proxymeter run -- curl URL");
  }
  if (const absl::Status status = SetEnvironment(options); !status.ok()) {
    return Fail(status.message());
  }
  const std::string& command = options.command.front();
  FitToProgram(command);

  std::vector<char*> arguments;
  arguments.reserve(options.command.size() + 1);
  for (const std::string& argument : options.command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(command.c_str(), arguments.data());
  const int error = errno;
  std::cerr << "proxymeter: cannot run '" << command
            << "': " << std::strerror(error) << '\n';
  return error == ENOENT ? kCommandNotFound : kCannotExecute;
}

}  // namespace proxymeter::cli
