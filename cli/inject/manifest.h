// Manifests: several documents, of which some make pods.
#ifndef PROXYMETER_CLI_INJECT_MANIFEST_H_
#define PROXYMETER_CLI_INJECT_MANIFEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/inject/field.h"
#include "cli/inject/options.h"
#include "cli/inject/pod_injector.h"

namespace proxymeter::cli {

/// At the lines that begin with "---", which stay with what follows. Together
/// they are `text` again.
std::vector<Document> SplitDocuments(std::string_view file,
                                     std::string_view text);

/// `text`, with what meters its pods. `file` is its name in errors.
absl::StatusOr<std::string> InjectManifest(std::string_view file,
                                           std::string_view text,
                                           const InjectOptions& options,
                                           InjectNotes* notes);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_MANIFEST_H_
