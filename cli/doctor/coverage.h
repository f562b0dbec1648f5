// Whether what a process does with vendors is metered, and if not, why.
#ifndef PROXYMETER_CLI_DOCTOR_COVERAGE_H_
#define PROXYMETER_CLI_DOCTOR_COVERAGE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/doctor/finding.h"
#include "cli/doctor/process.h"
#include "cli/doctor/program_image.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {

enum class Covered {
  kYes,
  kNo,
  kUnknown,  ///< it may not be looked into, or nothing proves either
  kLeftOut,  ///< by the policy
};

struct ProcessCoverage {
  Covered covered = Covered::kUnknown;
  /// One word for programs: "linking", "machine", "privilege", "preload",
  /// "libc", "library", "directory", "journal", "process", "policy"; empty for
  /// kYes.
  std::string why;
  std::string reason;  ///< a phrase; empty for kYes
  std::string advice;  ///< what to do; empty when nothing is to be done
};

/// Everything that the answer depends on.
struct CoverageEvidence {
  const ProcessView& process;
  const absl::StatusOr<ProgramImage>& image;  ///< of its executable
  /// The nearest of its parents, and theirs, that was given the library.
  const std::optional<ProcessView>& metered_ancestor;
  const std::string& directory;  ///< where the collector is
  const PolicyView& policy;
};

ProcessCoverage ExamineCoverage(const CoverageEvidence& evidence);

/// Has the process libproxymeter.so, or was it started with it in LD_PRELOAD?
bool WasGivenTheLibrary(const ProcessView& process);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_COVERAGE_H_
