// What stands in LD_PRELOAD, and what it hides from the meter.
#ifndef PROXYMETER_CLI_DOCTOR_PRELOAD_ORDER_H_
#define PROXYMETER_CLI_DOCTOR_PRELOAD_ORDER_H_

#include <functional>
#include <optional>
#include <string>

#include "cli/doctor/finding.h"

namespace proxymeter::cli {

/// The entry of `preload` (an LD_PRELOAD) that is a libproxymeter.so.
std::optional<std::string> FindOwnEntry(const std::string& preload);

/// Do libraries in front of libproxymeter.so, which 'run' puts behind those
/// that are there, answer calls that it must see? `seen` maps a path to where
/// it is found from here.
Finding ExaminePreloadOrder(
    const std::string& preload,
    const std::function<std::string(const std::string&)>& seen);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_PRELOAD_ORDER_H_
