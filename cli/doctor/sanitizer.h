// Whether a sanitizer is linked in that wants to be loaded first.
#ifndef PROXYMETER_CLI_DOCTOR_SANITIZER_H_
#define PROXYMETER_CLI_DOCTOR_SANITIZER_H_

#include <string>
#include <string_view>

#include "cli/doctor/finding.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {

inline constexpr char kAsanVariable[] = "ASAN_OPTIONS";

/// AddressSanitizer's run-time as a shared library aborts a program in which
/// any library, such as a preloaded one, comes before it.
bool HasSharedAsan(const ElfFile& file);

/// The value for ASAN_OPTIONS that keeps what `current` says and lets other
/// libraries come before the run-time; `current` itself when it speaks of that.
std::string AllowPreloadIntoAsan(const std::string& current);

/// What `run` will do, or, by hand, is to be done. `asan_options` is the
/// variable's value in the program's environment, empty for none.
Finding ExamineSanitizer(const ElfFile& file, std::string_view asan_options);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_SANITIZER_H_
