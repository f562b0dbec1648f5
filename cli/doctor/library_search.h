// Which files a program would load as its libraries.
#ifndef PROXYMETER_CLI_DOCTOR_LIBRARY_SEARCH_H_
#define PROXYMETER_CLI_DOCTOR_LIBRARY_SEARCH_H_

#include <optional>
#include <string>
#include <vector>

namespace proxymeter::cli {

struct LinkedLibraries {
  /// The program and all that it is linked with, recursively; each once.
  std::vector<std::string> modules;
  /// Names that were not found. The loader has ways that are not followed here
  /// (its cache, hardware capabilities), so it may find them.
  std::vector<std::string> missing;
};

/// Looks as ld.so(8) does: DT_RUNPATH or DT_RPATH of who asks, with $ORIGIN;
/// `library_path` ($LD_LIBRARY_PATH, may be empty); the folders of
/// /etc/ld.so.conf; the system's own. At most 1,000 modules.
LinkedLibraries FindLinkedLibraries(const std::string& program,
                                    const std::string& library_path);

/// The file of the library `name` in the system's folders; nothing when it is
/// not there, or is a path.
std::optional<std::string> FindLibraryFile(const std::string& name);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_LIBRARY_SEARCH_H_
