// Explanations as text or JSON.
#ifndef PROXYMETER_CLI_EXPLANATION_REPORT_H_
#define PROXYMETER_CLI_EXPLANATION_REPORT_H_

#include <string>
#include <vector>

#include "cli/explanation.h"
#include "collector/policy/judgement.h"

namespace proxymeter::cli {

struct Explained {
  collector::Shown shown;
  Explanation explanation;
};

/// A paragraph for each. Of rules that do not decide the first 20 are named,
/// unless `all`.
std::string FormatText(const std::vector<Explained>& explanations, bool all);

/// One JSON array on one line, with all of it.
std::string FormatJson(const std::vector<Explained>& explanations);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_EXPLANATION_REPORT_H_
