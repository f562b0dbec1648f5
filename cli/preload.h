// The library that meters, and how a program is made to load it.
#ifndef PROXYMETER_CLI_PRELOAD_H_
#define PROXYMETER_CLI_PRELOAD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace proxymeter::cli {

inline constexpr char kLibraryName[] = "libproxymeter.so";
inline constexpr char kLibraryVariable[] = "PROXYMETER_LIBRARY";

/// The library's absolute path: `named` ($PROXYMETER_LIBRARY) if not empty,
/// else the first of lib/, lib64/, lib/proxymeter/ and lib/*/ beside the folder
/// of `executable`, in which a multi-arch system may keep several: only one for
/// this machine is taken. The error says where it was looked for.
absl::StatusOr<std::string> FindLibrary(const std::string& named,
                                        const std::string& executable);

/// ld.so(8) splits LD_PRELOAD at spaces and colons and knows no quoting: fails
/// for a path with one of them.
absl::Status CheckPreloadable(const std::string& library);

/// The value for LD_PRELOAD that loads what `current` does and then `library`.
/// `current` itself when a library of that name is in it: two would count
/// everything twice.
std::string AppendPreload(const std::string& current,
                          const std::string& library);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_PRELOAD_H_
