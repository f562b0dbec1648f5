// What one examination of the doctor says.
#ifndef PROXYMETER_CLI_DOCTOR_FINDING_H_
#define PROXYMETER_CLI_DOCTOR_FINDING_H_

#include <string>
#include <vector>

namespace proxymeter::cli {

enum class Verdict {
  kOk,
  kUnknown,  ///< could not be found out; nothing is known to be in the way
  kLimited,  ///< metered, but something is not seen or may be lost
  kCannot,   ///< not metered at all
};

struct Finding {
  std::string examination;  ///< one word: "libc"
  Verdict verdict = Verdict::kOk;
  std::string found;   ///< what was found, a phrase
  std::string advice;  ///< what to do; empty when nothing is to be done
};

using Findings = std::vector<Finding>;

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_FINDING_H_
