// The few facts of an ELF file that decide whether it can be preloaded into.
#ifndef PROXYMETER_CLI_ELF_HEADER_H_
#define PROXYMETER_CLI_ELF_HEADER_H_

#include <string>

#include "absl/status/statusor.h"

namespace proxymeter::cli {

struct ElfHeader {
  /// Word size, byte order and machine are those of this program.
  bool for_this_machine = false;
  /// It asks for a dynamic loader (PT_INTERP, System V gABI). Known only for
  /// files for this machine.
  bool has_interpreter = false;
};

/// Fails with NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE when the file cannot
/// be read, with INVALID_ARGUMENT when it is not ELF or damaged.
absl::StatusOr<ElfHeader> ReadElfHeader(const std::string& path);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_ELF_HEADER_H_
