// A file as a string.
#ifndef PROXYMETER_COLLECTOR_POLICY_TEXT_FILE_H_
#define PROXYMETER_COLLECTOR_POLICY_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace proxymeter::collector {

/// All of it, to its end, also of what has no size, as a pipe. NotFound,
/// PermissionDenied and the like, with the path, when it cannot be read.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_TEXT_FILE_H_
