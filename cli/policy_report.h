// What is in a policy file, as text or JSON.
#ifndef PROXYMETER_CLI_POLICY_REPORT_H_
#define PROXYMETER_CLI_POLICY_REPORT_H_

#include <string>

#include "collector/policy/policy_summary.h"

namespace proxymeter::cli {

/// Lines for people: header, sections, vendors, rules.
std::string FormatText(const collector::PolicySummary& summary);

/// One JSON object on one line, with everything that the text has.
std::string FormatJson(const collector::PolicySummary& summary);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_POLICY_REPORT_H_
