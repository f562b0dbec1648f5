#include "cli/doctor_command.h"

#include <memory>

#include "absl/strings/numbers.h"
#include "cli/doctor/examine.h"
#include "cli/doctor/pod.h"
#include "cli/doctor/pod_report.h"
#include "cli/doctor/report.h"
#include "cli/synopsis_formatter.h"

namespace proxymeter::cli {
namespace {

constexpr int kCannotBeMetered = 1;
constexpr int kUsageError = 2;
constexpr int kCannotBeTold = 2;

constexpr char kHelp[] = R"(Examples:
  proxymeter doctor -- python3 crawler.py
  proxymeter doctor 4711
  proxymeter doctor --dir /run/proxymeter
  proxymeter doctor --json -- curl | jq .verdict
  proxymeter doctor --pod

One line for each examination: ok, limited (something is not seen, or may be
lost), cannot (nothing is metered) or unknown; what was found; and behind '->'
what to do. A command is looked at, never run. Without PID and command only the
environment is examined: library, LD_PRELOAD, directory, collector.

With --pod it asks the kernel for the TCP connections of this network namespace,
takes those to vendors of the policy in DIR, and says of each process that holds
one whether it is metered into DIR and, if not, why. Vendors are told by address
and port, and by what their hosts resolve to here and now, where that takes no
longer than 3 seconds: not by host suffixes and user names. Bytes are payload, of
connections that are open, by the kernel. It needs no privilege for processes of
the same user; those of others are told as far as they may be looked into.

Variables:
  PROXYMETER_DIR      the directory, when --dir is not given
  PROXYMETER_LIBRARY  path of libproxymeter.so, when it is not in ../lib

Exit status: 0 when it can be metered (a process: is metered; --pod: all are), 1
when it cannot (--pod: somebody is not, or it is unknown), 2 when the command line
is wrong or, with --pod, policy or connections cannot be had.)";

int Misused(std::ostream& error, const std::string& message) {
  error << "proxymeter: " << message << "\nSee 'proxymeter doctor --help'.\n";
  return kUsageError;
}

int DoctorPod(const DoctorOptions& options, std::ostream& out,
              std::ostream& error) {
  const auto report = ExaminePod(options.directory);
  if (!report.ok()) {
    error << "proxymeter: " << report.status().message() << '\n';
    return kCannotBeTold;
  }
  out << (options.json ? FormatJson(*report) : FormatText(*report));
  return report->AllCovered() ? 0 : kCannotBeMetered;
}

}  // namespace

CLI::App* AddDoctorCommand(CLI::App& app, DoctorOptions* options) {
  CLI::App* doctor = app.add_subcommand(
      "doctor", "Say whether a program can be metered, and how well");
  doctor->formatter(std::make_shared<SynopsisFormatter>(
      "[OPTIONS] [--pod | PID | -- COMMAND [ARGUMENTS...]]"));
  doctor
      ->add_option("--dir", options->directory,
                   "Directory shared with the collector (default: the "
                   "process's own, else $PROXYMETER_DIR, else /run/proxymeter "
                   "for root, else $XDG_RUNTIME_DIR/proxymeter)")
      ->type_name("DIR");
  doctor->add_flag("--json", options->json, "Print one JSON object instead");
  doctor->add_flag("--pod", options->pod,
                   "Look at all processes that have a connection to a vendor");
  doctor->add_option("PID", options->process, "A running process")
      ->type_name("");
  doctor->footer(kHelp);
  return doctor;
}

int Doctor(const DoctorOptions& options, std::ostream& out,
           std::ostream& error) {
  if (options.pod) {
    if (options.has_command || !options.process.empty()) {
      return Misused(error, "--pod, a PID or a command: one of them");
    }
    return DoctorPod(options, out, error);
  }
  Report report;
  if (options.has_command) {
    if (!options.process.empty()) {
      return Misused(error, "a PID or a command, not both");
    }
    if (options.command.empty() || options.command.front().empty()) {
      return Misused(error, "there is no command behind '--'");
    }
    report = ExamineCommand(options.command.front(), options.directory);
  } else if (!options.process.empty()) {
    int pid;
    if (!absl::SimpleAtoi(options.process, &pid) || pid <= 0) {
      return Misused(error, "'" + options.process +
                                "' is not a process ID; a command stands "
                                "behind '--', as in: proxymeter doctor -- " +
                                options.process);
    }
    report = ExamineProcess(pid, options.directory);
  } else {
    report = ExamineEnvironment(options.directory);
  }
  out << (options.json ? FormatJson(report) : FormatText(report));
  return Conclusion(report) == Verdict::kCannot ? kCannotBeMetered : 0;
}

}  // namespace proxymeter::cli
