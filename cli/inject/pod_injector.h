// Makes one pod, or template of pods, a metered one.
#ifndef PROXYMETER_CLI_INJECT_POD_INJECTOR_H_
#define PROXYMETER_CLI_INJECT_POD_INJECTOR_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/inject/field.h"
#include "cli/inject/manifest_edit.h"
#include "cli/inject/options.h"

namespace proxymeter::cli {

/// Containers that are left alone unless they are named.
std::span<const std::string_view> KnownSidecars();

/// What was met on the way.
struct InjectNotes {
  std::vector<std::string> warnings;
  std::vector<std::string> met_containers;  ///< by name, of all pods
  int pods = 0;                             ///< that are metered now
};

/// Plans the changes to the pod at `top`, which has `metadata` and `spec`.
/// Nothing changes when all of it is there already. `ends`: a job's.
absl::Status InjectPod(const Field& top, bool ends,
                       const InjectOptions& options, ManifestEdit* edit,
                       InjectNotes* notes);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_POD_INJECTOR_H_
