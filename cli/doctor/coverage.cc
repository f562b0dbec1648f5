#include "cli/doctor/coverage.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/doctor/libc.h"
#include "cli/doctor/loading.h"
#include "cli/doctor/meeting_directory.h"
#include "cli/doctor/module_name.h"
#include "cli/doctor/preload_order.h"
#include "cli/doctor/process_state.h"
#include "cli/preload.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kRun[] = "start it with 'proxymeter run'";

ProcessCoverage No(std::string why, std::string reason, std::string advice) {
  return {Covered::kNo, std::move(why), std::move(reason), std::move(advice)};
}

ProcessCoverage No(const Finding& finding) {
  return No(finding.examination, finding.found, finding.advice);
}

bool HasLibrary(const ProcessView& process) {
  return process.modules.has_value() &&
         std::any_of(process.modules->begin(), process.modules->end(),
                     [](const MappedFile& file) {
                       return ModuleName(file.path) == kLibraryName;
                     });
}

/// The folder of the journal that it has open; nothing when it has none.
std::optional<std::string> JournalsFolder(const ProcessView& process) {
  for (const std::string& file : process.shared_files) {
    const fs::path folder = fs::path(file).parent_path();
    if (folder.filename() == kJournalsName &&
        ModuleName(file).size() == 2 * kSessionIdBytes) {
      return folder.string();
    }
  }
  return std::nullopt;
}

/// A journal's name is random: who has one of that name has that one, by
/// whatever path.
bool HasJournalIn(const std::string& directory, const ProcessView& process) {
  return std::any_of(process.shared_files.begin(), process.shared_files.end(),
                     [&](const std::string& file) {
                       const std::string_view name = ModuleName(file);
                       std::error_code ignored;
                       return name.size() == 2 * kSessionIdBytes &&
                              fs::exists(
                                  absl::StrCat(directory, "/", kJournalsName,
                                               "/", std::string(name)),
                                  ignored);
                     });
}

ProcessCoverage Elsewhere(const std::string& found,
                          const std::string& directory) {
  return No(
      "directory",
      absl::StrCat("it is metered into ", found, ", not into ", directory),
      absl::StrCat("start it with PROXYMETER_DIR=", directory,
                   ", or look there: doctor --pod --dir ", found));
}

ProcessCoverage WithLibrary(const CoverageEvidence& evidence) {
  const ProcessView& process = evidence.process;
  if (HasJournalIn(evidence.directory, process))
    return {Covered::kYes, "", "", ""};
  if (const auto folder = JournalsFolder(process)) {
    return Elsewhere(fs::path(*folder).parent_path().string(),
                     evidence.directory);
  }
  if (process.environment.has_value()) {
    const std::string own = DirectoryOf(process);
    std::error_code error;
    if (!fs::equivalent(process.Seen(own), evidence.directory, error)) {
      return Elsewhere(own, evidence.directory);
    }
  }
  return {Covered::kUnknown, "journal",
          "libproxymeter.so is in it, but it keeps no journal: it could make "
          "none, or does not move these connections by libc",
          absl::StrCat("proxymeter doctor ",
                       std::string(ModuleName(process.folder)))};
}

ProcessCoverage WithoutPreload(const CoverageEvidence& evidence) {
  if (const auto& ancestor = evidence.metered_ancestor) {
    return No("preload",
              absl::StrCat("LD_PRELOAD is not in its environment, though it "
                           "descends from process ",
                           std::string(ModuleName(ancestor->folder)), " (",
                           ancestor->name,
                           "), which has it: the environment was cleaned"),
              "have whoever starts it keep LD_PRELOAD and PROXYMETER_DIR");
  }
  const bool other = evidence.process.Variable("LD_PRELOAD").has_value();
  return No("preload",
            other ? "LD_PRELOAD does not name libproxymeter.so"
                  : "LD_PRELOAD is not in its environment",
            kRun);
}

ProcessCoverage WithoutLibrary(const CoverageEvidence& evidence) {
  const ProcessView& process = evidence.process;
  if (process.secure.value_or(false)) return No(ExamineSecureMode(process));
  if (!process.environment.has_value()) {
    return No("library", "libproxymeter.so is not in it", kRun);
  }
  const auto library =
      FindOwnEntry(process.Variable("LD_PRELOAD").value_or(""));
  if (!library.has_value()) return WithoutPreload(evidence);
  std::error_code ignored;
  if (library->find('/') != std::string::npos &&
      !fs::is_regular_file(process.Seen(*library), ignored)) {
    return No(
        "library",
        absl::StrCat("its LD_PRELOAD names ", *library, ", which is not a file",
                     process.other_files ? " where it lives" : ""),
        "make the library available under that path");
  }
  if (evidence.image.ok()) {
    const Finding libc = ExamineLibc(evidence.image->elf.interpreter, {});
    if (libc.verdict == Verdict::kLimited) return No(libc);
  }
  return No("library",
            absl::StrCat("its LD_PRELOAD names ", *library,
                         ", but the loader did not take it"),
            "read what it said on standard error when it started");
}

}  // namespace

bool WasGivenTheLibrary(const ProcessView& process) {
  return HasLibrary(process) ||
         FindOwnEntry(process.Variable("LD_PRELOAD").value_or("")).has_value();
}

ProcessCoverage ExamineCoverage(const CoverageEvidence& evidence) {
  const ProcessView& process = evidence.process;
  if (!process.modules.has_value()) {
    const Finding access = ExamineAccess(process);
    return {Covered::kUnknown, access.examination, access.found, access.advice};
  }
  if (!evidence.policy.MetersProcess(process.name)) {
    return {Covered::kLeftOut, "policy",
            "the policy leaves processes of this name out", ""};
  }
  // Before the library is looked for: Go with cgo has it, to no avail.
  if (evidence.image.ok()) {
    ProgramImage named = *evidence.image;
    named.path = process.executable.value_or(named.path);
    for (const Finding& finding :
         {ExamineMachine(named), ExamineLinking(named)}) {
      if (finding.verdict == Verdict::kCannot) return No(finding);
    }
  }
  return HasLibrary(process) ? WithLibrary(evidence) : WithoutLibrary(evidence);
}

}  // namespace proxymeter::cli
