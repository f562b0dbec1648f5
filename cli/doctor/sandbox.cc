#include "cli/doctor/sandbox.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kStrict = 1;
// The helpers that Chromium and what is built from it bring along.
constexpr const char* kChromiumFiles[] = {"chrome-sandbox", "chrome_sandbox",
                                          "chrome_crashpad_handler"};

}  // namespace

Finding ExamineSandboxOfFile(const std::string& program) {
  std::error_code error;
  const fs::path path = fs::canonical(program, error);
  for (const char* name : kChromiumFiles) {
    if (!error && fs::exists(path.parent_path() / name, error)) {
      return {
          "sandbox", Verdict::kLimited,
          absl::StrCat("Chromium-like (", name,
                       " beside it): its TLS is inside the program, and its "
                       "sandboxed processes filter system calls"),
          "expect bytes, server names and inferred requests; examine its "
          "processes by PID"};
    }
  }
  return {"sandbox", Verdict::kOk, "none known of this program", ""};
}

Finding ExamineSandboxOfProcess(const ProcessView& process,
                                const ProcessView& own) {
  const std::string privileges =
      process.no_new_privileges
          ? "; no_new_privs is set, so that set-ID programs it starts keep the "
            "preload"
          : "";
  if (process.seccomp == 0) {
    return {"sandbox", Verdict::kOk, "no filter of system calls" + privileges,
            ""};
  }
  if (process.seccomp == kStrict) {
    return {"sandbox", Verdict::kLimited,
            "seccomp in strict mode: read and write only" + privileges,
            "bytes on connections that were open before are counted, if a "
            "journal was"};
  }
  if (process.seccomp == own.seccomp &&
      process.seccomp_filters == own.seccomp_filters) {
    return {"sandbox", Verdict::kOk,
            absl::StrCat("seccomp filters, the same number as of this command: "
                         "the container's",
                         privileges),
            ""};
  }
  return {"sandbox", Verdict::kLimited,
          absl::StrCat("seccomp: it filters its system calls (Seccomp_filters ",
                       process.seccomp_filters, ", here ", own.seccomp_filters,
                       "), and the meter's among them", privileges),
          "counts in a journal that is open go on; allow socket, connect, "
          "sendto, openat, fallocate, mmap and close, if it makes connections"};
}

}  // namespace proxymeter::cli
