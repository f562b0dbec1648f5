// The doctor's findings, for people and for programs.
#ifndef PROXYMETER_CLI_DOCTOR_REPORT_H_
#define PROXYMETER_CLI_DOCTOR_REPORT_H_

#include <string>

#include "cli/doctor/finding.h"

namespace proxymeter::cli {

struct Report {
  std::string subject;  ///< what was examined
  Findings findings;
};

/// kCannot when anything is in the way; else what is said of TLS, where that
/// was examined: kOk for plaintext, kLimited for inferred, kUnknown; else kOk.
Verdict Conclusion(const Report& report);

/// One line for the subject, one for each finding, one for the conclusion.
/// Control characters and bytes outside ASCII become '?': names come from
/// files and processes of anybody.
std::string FormatText(const Report& report);

/// One JSON object on one line.
std::string FormatJson(const Report& report);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_REPORT_H_
