// Which C library a program runs with.
#ifndef PROXYMETER_CLI_DOCTOR_LIBC_H_
#define PROXYMETER_CLI_DOCTOR_LIBC_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/finding.h"

namespace proxymeter::cli {

/// `interpreter` is the program's loader, `modules` the files it loads. Of
/// glibc the highest version whose symbols it has is told, which is what
/// decides whether libproxymeter.so finds those it needs.
Finding ExamineLibc(std::string_view interpreter,
                    const std::vector<std::string>& modules);

/// "2.36" of GLIBC_2.36, as a number that compares (2036); nothing for other
/// texts.
std::optional<int> GlibcVersion(std::string_view symbol_version);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_LIBC_H_
