// A configuration, read and compiled.
#ifndef PROXYMETER_COLLECTOR_RELOAD_COMPILED_CONFIG_H_
#define PROXYMETER_COLLECTOR_RELOAD_COMPILED_CONFIG_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/reload/config_in_force.h"

namespace proxymeter::collector {

struct CompiledConfig {
  InForce facts;  ///< but for generation and time
  std::vector<std::byte> policy;
};

/// Called with all files that the configuration consists of, once they are
/// known and before they are made use of. True: read the configuration anew.
using FilesKnown = std::function<bool(std::vector<std::string> paths)>;

/// Reads, compiles and validates what the file at `path` says; an empty path
/// stands for no vendors: crawlers then count all that leaves the cluster as
/// direct. The error names file, line, column and field. Takes as long as the
/// address lists are long: not for threads that serve.
absl::StatusOr<CompiledConfig> CompileConfig(
    const std::string& path, const FilesKnown& files_known = nullptr);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RELOAD_COMPILED_CONFIG_H_
