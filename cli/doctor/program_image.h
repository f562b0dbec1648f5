// The ELF file behind a program: itself, or what interprets it.
#ifndef PROXYMETER_CLI_DOCTOR_PROGRAM_IMAGE_H_
#define PROXYMETER_CLI_DOCTOR_PROGRAM_IMAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {

struct ProgramImage {
  std::string path;
  ElfFile elf;
  /// The scripts that led to it, the program first; empty when it is ELF.
  std::vector<std::string> scripts;
};

/// Follows "#!" lines as execve(2) does, and what env(1) in one of them looks
/// up in `path_variable` ($PATH; nullptr when unset). A text without such a
/// line is the shell's, as execvp(3) has it. Fails with NOT_FOUND or
/// PERMISSION_DENIED when a file cannot be read, with FAILED_PRECONDITION when
/// the chain is longer than the kernel follows, with INVALID_ARGUMENT for what
/// is no program or a damaged one.
absl::StatusOr<ProgramImage> FindImage(const std::string& program,
                                       const char* path_variable);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_PROGRAM_IMAGE_H_
