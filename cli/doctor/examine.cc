#include "cli/doctor/examine.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/directory.h"
#include "cli/doctor/libc.h"
#include "cli/doctor/library_search.h"
#include "cli/doctor/loading.h"
#include "cli/doctor/meeting_directory.h"
#include "cli/doctor/module_name.h"
#include "cli/doctor/preload_order.h"
#include "cli/doctor/process.h"
#include "cli/doctor/process_state.h"
#include "cli/doctor/program_image.h"
#include "cli/doctor/sandbox.h"
#include "cli/doctor/sanitizer.h"
#include "cli/doctor/tls.h"
#include "cli/preload.h"
#include "cli/program_file.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

std::string Value(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

void Append(Findings more, Findings* findings) {
  findings->insert(findings->end(), std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
}

absl::StatusOr<std::string> OwnLibrary() {
  std::error_code error;
  const auto executable =
      std::filesystem::read_symlink("/proc/self/exe", error);
  auto library = FindLibrary(Value(kLibraryVariable), executable.string());
  if (!library.ok()) return library;
  if (const auto status = CheckPreloadable(*library); !status.ok()) {
    return status;
  }
  const auto file = ReadElfFile(*library);
  if (!file.ok()) return file.status();
  if (!file->for_this_machine) {
    return absl::FailedPreconditionError(
        absl::StrCat(*library, " is built for ", file->machine));
  }
  return library;
}

/// What `run` would find here.
void ExamineSurroundings(const std::string& option,
                         const absl::StatusOr<std::string>& library,
                         Findings* findings) {
  if (library.ok()) {
    findings->push_back({"library", Verdict::kOk, *library, ""});
  } else {
    findings->push_back({"library", Verdict::kCannot,
                         std::string(library.status().message()),
                         absl::StrCat("install it beside this program, or set ",
                                      kLibraryVariable)});
  }
  findings->push_back(ExaminePreloadOrder(
      Value("LD_PRELOAD"), [](const std::string& path) { return path; }));
  const auto directory = ChooseDirectory(option, OwnSurroundings());
  if (!directory.ok()) {
    findings->push_back({"directory", Verdict::kCannot,
                         std::string(directory.status().message()),
                         "give --dir DIR"});
    return;
  }
  Append(ExamineDirectory(*directory, *directory, std::nullopt), findings);
}

bool Passed(const Findings& findings) {
  return findings.back().verdict != Verdict::kCannot;
}

/// What is read from the program's file and its libraries. Ends with what makes
/// the rest meaningless.
void ExamineFile(const ProgramImage& image,
                 const absl::StatusOr<std::string>& library,
                 Findings* findings) {
  findings->push_back(ExamineMachine(image));
  if (!Passed(*findings)) return;
  findings->push_back(ExamineLinking(image));
  if (!Passed(*findings)) return;
  findings->push_back(ExaminePrivilege(image, OwnIdentity()));
  const std::string library_path = Value("LD_LIBRARY_PATH");
  const LinkedLibraries linked = FindLinkedLibraries(image.path, library_path);
  findings->push_back(ExamineLibc(image.elf.interpreter, linked.modules));
  findings->push_back(ExamineSanitizer(image.elf, Value(kAsanVariable)));
  std::vector<std::string> modules = linked.modules;
  for (const std::string& extension : PythonTlsModules(image.path)) {
    for (const std::string& module :
         FindLinkedLibraries(extension, library_path).modules) {
      if (std::find(modules.begin(), modules.end(), module) == modules.end()) {
        modules.push_back(module);
      }
    }
  }
  findings->push_back(ExamineTls(modules,
                                 library.ok()
                                     ? InterceptedTlsFunctions(*library)
                                     : std::set<std::string>(),
                                 false));
  findings->push_back(ExamineSandboxOfFile(image.path));
}

std::set<std::string> InterceptedIn(const ProcessView& process) {
  for (const MappedFile& file : *process.modules) {
    if (ModuleName(file.path) == kLibraryName) {
      return InterceptedTlsFunctions(process.Seen(file.path));
    }
  }
  const auto library = OwnLibrary();
  return library.ok() ? InterceptedTlsFunctions(*library)
                      : std::set<std::string>();
}

void ExamineModules(const ProcessView& process, const ProgramImage& image,
                    Findings* findings) {
  if (!process.modules.has_value()) return;
  std::vector<std::string> modules;
  for (const MappedFile& file : *process.modules) {
    // The program itself can be read even when its file is gone.
    modules.push_back(
        file.path == process.executable ? image.path : process.Seen(file.path));
  }
  findings->push_back(ExamineLibc(image.elf.interpreter, modules));
  findings->push_back(ExamineTls(modules, InterceptedIn(process), true));
}

}  // namespace

Report ExamineCommand(const std::string& command,
                      const std::string& directory) {
  Report report = {command, {}};
  const char* const path_variable = std::getenv("PATH");
  const auto library = OwnLibrary();
  const auto file = ResolveCommand(command, path_variable);
  if (!file.has_value()) {
    report.findings.push_back(
        {"program", Verdict::kCannot,
         command + " is not an executable file, nor the name of one in $PATH",
         "check its name, $PATH and the file's mode"});
    return report;
  }
  const auto image = FindImage(*file, path_variable);
  if (!image.ok()) {
    report.findings.push_back({"program", Verdict::kCannot,
                               std::string(image.status().message()),
                               "it would not start"});
    return report;
  }
  std::string found = image->path;
  if (!image->scripts.empty()) {
    found = absl::StrCat(absl::StrJoin(image->scripts, ", interpreted by "),
                         ", interpreted by ", image->path);
  }
  report.findings.push_back({"program", Verdict::kOk, found, ""});
  ExamineFile(*image, library, &report.findings);
  ExamineSurroundings(directory, library, &report.findings);
  return report;
}

Report ExamineProcess(pid_t pid, const std::string& directory) {
  Report report = {absl::StrCat("process ", pid), {}};
  const auto process = ReadProcess(absl::StrCat("/proc/", pid));
  const auto own = ReadProcess("/proc/self");
  if (!process.ok() || !own.ok()) {
    report.findings.push_back(
        {"process", Verdict::kCannot, absl::StrCat("there is no process ", pid),
         "the number is that of this PID namespace: look it up here"});
    return report;
  }
  absl::StrAppend(&report.subject, " (", process->name, ")");
  Findings& findings = report.findings;
  findings.push_back(ExamineAccess(*process));
  auto image = FindImage(process->folder + "/exe", nullptr);
  if (image.ok()) {
    ProgramImage named = *image;
    named.path = process->executable.value_or(image->path);
    findings.push_back(ExamineMachine(named));
    if (Passed(findings)) findings.push_back(ExamineLinking(named));
    if (!Passed(findings)) return report;
  }
  findings.push_back(ExamineSecureMode(*process));
  findings.push_back(ExamineLoaded(*process));
  findings.push_back(ExamineChildren(*process));
  if (image.ok()) ExamineModules(*process, *image, &findings);
  findings.push_back(ExamineSandboxOfProcess(*process, *own));
  findings.push_back(ExaminePreloadOrder(
      process->Variable("LD_PRELOAD").value_or(""),
      [&](const std::string& path) { return process->Seen(path); }));
  if (!directory.empty()) {
    const auto chosen = ChooseDirectory(directory, OwnSurroundings());
    if (chosen.ok()) {
      Append(ExamineDirectory(*chosen, *chosen, process->uid), &findings);
    }
  } else if (process->environment.has_value()) {
    const std::string chosen = DirectoryOf(*process);
    Append(ExamineDirectory(process->Seen(chosen), chosen, process->uid),
           &findings);
  }
  return report;
}

Report ExamineEnvironment(const std::string& directory) {
  Report report = {"this environment", {}};
  ExamineSurroundings(directory, OwnLibrary(), &report.findings);
  return report;
}

}  // namespace proxymeter::cli
