// Where a crawler and its collector meet.
#ifndef PROXYMETER_CLI_DIRECTORY_H_
#define PROXYMETER_CLI_DIRECTORY_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace proxymeter::cli {

/// What the choice of the directory depends on.
struct Surroundings {
  /// The value of an environment variable, nullptr when it is not set.
  std::function<const char*(const char* name)> variable;
  bool root = false;
};

/// Those of this process.
Surroundings OwnSurroundings();

/// `option` (--dir) if not empty, else $PROXYMETER_DIR, else /run/proxymeter
/// for root, else $XDG_RUNTIME_DIR/proxymeter; made absolute and normal, for a
/// metered program may change its working directory. Fails when nothing names
/// one.
absl::StatusOr<std::string> ChooseDirectory(std::string_view option,
                                            const Surroundings& surroundings);

/// Makes `directory` and its journals/ where they are missing, so that counts
/// have a place to wait for a collector; only where this user owns what they
/// are made in, since a collector must own them. Failing is no error: the
/// crawler must run all the same.
void PrepareDirectory(const std::string& directory);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DIRECTORY_H_
