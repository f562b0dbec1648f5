// Which TLS library a program uses, and whether its calls can be intercepted.
#ifndef PROXYMETER_CLI_DOCTOR_TLS_H_
#define PROXYMETER_CLI_DOCTOR_TLS_H_

#include <set>
#include <string>
#include <vector>

#include "cli/doctor/finding.h"

namespace proxymeter::cli {

inline constexpr char kTlsExamination[] = "tls";

/// The functions through which plaintext goes, as far as `library`, a
/// libproxymeter.so, intercepts them; empty when it cannot be read.
std::set<std::string> InterceptedTlsFunctions(const std::string& library);

/// `modules`: the files of the program and its libraries, the program first.
/// `all_loaded`: they are what a process has loaded, not just what the program
/// is linked with. The verdict is that of the best library found: kOk when
/// calls to it go through the dynamic linker and are `intercepted` (visibility
/// plaintext), kLimited when not (inferred: bytes and server name).
Finding ExamineTls(const std::vector<std::string>& modules,
                   const std::set<std::string>& intercepted, bool all_loaded);

/// What CPython's ssl module is in, which the interpreter in `program` loads
/// when it is imported; empty for other programs.
std::vector<std::string> PythonTlsModules(const std::string& program);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_TLS_H_
