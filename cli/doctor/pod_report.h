// What is said of a pod, for people and for programs.
#ifndef PROXYMETER_CLI_DOCTOR_POD_REPORT_H_
#define PROXYMETER_CLI_DOCTOR_POD_REPORT_H_

#include <string>

#include "cli/doctor/pod.h"

namespace proxymeter::cli {

/// A line for each process, below it why it is not covered. Control characters
/// and bytes outside ASCII become '?': names come from anybody's processes.
std::string FormatText(const PodReport& report);

/// One JSON object on one line.
std::string FormatJson(const PodReport& report);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_POD_REPORT_H_
