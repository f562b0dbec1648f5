// Puts a compiled policy where crawlers look for it.
#ifndef PROXYMETER_COLLECTOR_POLICY_POLICY_FILE_H_
#define PROXYMETER_COLLECTOR_POLICY_POLICY_FILE_H_

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"

namespace proxymeter::collector {

/// Makes `policy` the content of DIRECTORY/policy, readable by all, in one
/// step: readers find the old file or the new one, and mappings of the old one
/// stay whole. A file that is this already is left alone, which takes no room.
/// On an error the old file is left as it was.
absl::Status WritePolicyFile(const std::string& directory,
                             std::span<const std::byte> policy);

/// The same for the file at `path`.
absl::Status ReplacePolicyFile(const std::string& path,
                               std::span<const std::byte> policy);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_POLICY_FILE_H_
